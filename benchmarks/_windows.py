"""Windows to tune on, of simulated and real images: what `tuning.py` and `optimisers.py` share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paretoscope.adapters.files import read_image
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.expectation import Expectation
from paretoscope.core.expected import expect
from paretoscope.core.intensity import to_unit
from paretoscope.optimise.space import LogSpace
from paretoscope.workflows.prepared import CANDIDATE_FLOOR
from paretoscope.workflows.tuning import fitted
from paretoscope_sim import Scan, make_sample, render

REFERENCE = (1.0, 1.0)
WINDOW_PX = 128
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
SIMULATED = (
    ("graphene", 8.0, (100.0, 20.0, 5.0)),
    ("SrTiO3", 10.0, (100.0, 20.0, 5.0)),
    ("MoS2", 8.0, (50.0,)),
    ("BiFeO3", 10.0, (50.0,)),
)
"""(sample, field nm, currents pA): graphene has a hole and an amorphous patch of its own."""
REAL = (
    "real/SciLink_MoS2_stem_Exp-000-2.npy",
    "real/SciLink_MoS2_stem_Exp-001-5.npy",
    "real/AtomSegNet_Grain_boundry_gold_512px.png",
    "real/AISTEM_LLTO.jpg",
    "simulated/nsr_test_data_1.npz",
)


@dataclass(frozen=True)
class Task:
    """One window, cut out of its image, so that a peer sees the same pixels."""

    name: str
    image: np.ndarray
    """(rows, columns) float32 in [0, 1]."""
    expectation: Expectation
    space: LogSpace
    """With thresholds fitted to the window."""

    def candidates(self) -> CandidateSet:
        return CandidateSet.build(self.image, self.space.grid, CANDIDATE_FLOOR)


def tasks(data: Path | None = DATA, size_px: int = WINDOW_PX) -> Iterator[Task]:
    """Simulated and real by turns, so that the first few are a fair sample; no real ones without `data`."""
    made, found = list(_simulated()), list(_real(data)) if data is not None else []
    for index in range(max(len(made), len(found))):
        for name, image, pixel_size_nm, lattice in [*made[index : index + 1], *found[index : index + 1]]:
            task = window_of(name, to_unit(image), pixel_size_nm, lattice, size_px)
            if task is not None:
                yield task


def window_of(
    name: str, image: np.ndarray, pixel_size_nm: float | None, lattice: str | None, size_px: int
) -> Task | None:
    """The middle of an image; None where no atoms are expected there."""
    frame = expect(image, pixel_size_nm, lattice)
    top, left = (max(0, (side - size_px) // 2) for side in image.shape)
    pixels = np.ascontiguousarray(image[top : top + size_px, left : left + size_px])
    part = cut_out(frame, top, left, *pixels.shape)
    if not part.n_expected > 0.0:
        return None
    space = LogSpace(frame.neighbour_px, blob_sigma_px=frame.blob_sigma_px)
    return Task(name, pixels, part, fitted(space, CandidateSet.build(pixels, space.grid, CANDIDATE_FLOOR)))


def cut_out(frame: Expectation, top: int, left: int, height: int, width: int) -> Expectation:
    """What is expected in a part of a frame, in that part's own coordinates."""
    y, x = np.mgrid[top : top + height, left : left + width]
    kinds = frame.kind_at(y.ravel(), x.ravel()).reshape(height, width)
    return Expectation.over_frame(
        (height, width), kinds, 1, frame.density_per_px, frame.neighbour_px, frame.source, frame.label,
        counted_kinds=frame.counted_kinds, blob_sigma_px=frame.blob_sigma_px,
    )  # fmt: skip


def _simulated() -> Iterator[tuple[str, np.ndarray, float | None, str | None]]:
    for sample, field_nm, currents in SIMULATED:
        for index, current in enumerate(currents):
            scan = Scan(shape=(256, 256), field_of_view_nm=field_nm, current_pa=current)
            frame = render(make_sample(sample, field_nm=field_nm + 2.0, seed=index), scan, seed=index)
            yield f"{sample} {current:.0f} pA", frame.image, field_nm / 256, sample


def _real(data: Path) -> Iterator[tuple[str, np.ndarray, float | None, str | None]]:
    for relative in REAL:
        path = data / relative
        if path.is_file():
            yield path.stem, read_image(path).image, None, None
