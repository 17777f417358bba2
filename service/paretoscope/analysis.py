"""``ps.analyze`` and ``ps.detect``: the whole analysis as a function of one image."""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from paretoscope import __version__
from paretoscope.contract import (
    AtomMap,
    Basis,
    Classes,
    Document,
    ExpectedCount,
    FrameHeader,
    FrontPoint,
    LatticeSpec,
    LogParams,
    ParameterMap,
    ParetoFront,
    Progress,
    StageTime,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.contract.policy import MAX_SEED
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.devices import pick_device
from paretoscope.core.intensity import Image, to_unit
from paretoscope.core.lattice import Lattice
from paretoscope.deadline import Deadline
from paretoscope.errors import BadLattice, BadParameters
from paretoscope.workflows.frame import analyse_frame
from paretoscope.workflows.task import FrameTask

DEFAULT_BUDGET_S = 5.0
"""Enough for the search to converge on a 512 x 512 frame of a few thousand atoms on two cores."""


@dataclass(frozen=True)
class Analysis:
    """What one image says."""

    documents: dict[type[Document], Document]
    """The last document of each type."""
    provenance: dict[str, Any]
    """Version, device, seed, optimiser, lattice and pixel size as given: enough to repeat it."""
    timings_ms: dict[str, float]
    """Time of each stage, ms."""

    def document(self, kind: type[Any]) -> Any:
        """The document of that type, or None."""
        return self.documents.get(kind)

    @property
    def atoms(self) -> dict[str, np.ndarray]:
        """Columns by name, one row an atom: y_px, x_px, sigma_px, score, class_id, ...; see ATOM_COLUMNS."""
        return self.documents[AtomMap].columns  # type: ignore[attr-defined]

    @property
    def mask(self) -> np.ndarray | None:
        """(rows, columns) uint8 at `mask_step_px`: 0 vacuum, 1 lattice, 2 disordered."""
        return self.documents[AtomMap].mask  # type: ignore[attr-defined]

    @property
    def front(self) -> list[FrontPoint]:
        """The Pareto points, by rising QC."""
        return self.documents[ParetoFront].points  # type: ignore[attr-defined]

    @property
    def chosen(self) -> FrontPoint | None:
        """The point the atoms were found with; None when nothing was found."""
        front: ParetoFront = self.documents[ParetoFront]  # type: ignore[assignment]
        return None if front.chosen is None else front.points[front.chosen]

    @property
    def expected(self) -> ExpectedCount | None:
        return self.documents[ParetoFront].n_expected  # type: ignore[attr-defined]

    @property
    def n_expected(self) -> float | None:
        """How many atoms there should be; None where nothing can be expected (a frame of vacuum)."""
        return None if self.expected is None else self.expected.value

    @property
    def classes(self) -> Classes | None:
        return self.document(Classes)

    @property
    def windows(self) -> ParameterMap | None:
        return self.document(ParameterMap)


def analyze(
    image: np.ndarray,
    pixel_size_nm: float | tuple[float, float] | None = None,
    lattice: str | Lattice | LatticeSpec | None = None,
    budget_s: float | None = None,
    seed: int = 0,
    *,
    policy: StreamPolicy | None = None,
    memory: StreamMemory | None = None,
    device: str = "cpu",
    progress: Callable[[Progress], None] | None = None,
) -> Analysis:
    """Find the atoms of one image, the Pareto front of ways to find them, and their classes.

    image: (rows, columns), any real dtype.  pixel_size_nm: one number or (y, x); None leaves nm out.
    lattice: None (estimated from the image's spectrum), a name, ``"a=..,b=..,gamma=..,basis=.."``, a Lattice.
    budget_s: time for everything, s (default 5); the best front so far comes out when it ends.
    policy: everything else that can be set; `lattice` and `seed` given here win over it.
    memory: of an earlier frame of the same sample, to start from its front.
    progress: called now and then from this thread.
    Raises BadFrame, BadLattice, BadParameters, each with a hint.
    """
    array = np.asarray(image)
    unit = to_unit(array)  # refuses what cannot be analysed, before a header is made for it
    if budget_s is not None and not budget_s > 0.0:
        raise BadParameters("bad-budget", hint=f"budget_s must be positive, not {budget_s}.")
    seconds = DEFAULT_BUDGET_S if budget_s is None else budget_s
    if not (isinstance(seed, int | np.integer) and 0 <= seed <= MAX_SEED):
        raise BadParameters("bad-seed", hint=f"seed is a whole number from 0 to {MAX_SEED}, not {seed!r}.")
    device = pick_device(device)
    policy = (policy or StreamPolicy()).model_copy(update={"seed": int(seed)})
    if lattice is not None:
        policy = policy.model_copy(update={"lattice": _lattice_for_policy(lattice)})
    header = _header(unit, _pixel_size(pixel_size_nm))
    task = FrameTask(header, unit, policy, memory or StreamMemory())
    documents: dict[type[Document], Document] = {}
    timings: dict[str, float] = {}
    for document in analyse_frame(task, Deadline.after(seconds), device):
        if isinstance(document, StageTime):
            timings[document.name] = timings.get(document.name, 0.0) + document.ms
        elif isinstance(document, Progress):
            if progress is not None:
                progress(document)
        else:
            documents[type(document)] = document
    return Analysis(
        documents,
        {
            "version": __version__,
            "device": device,
            "seed": seed,
            "budget_s": seconds,
            "pixel_size_nm": header.pixel_size_nm,
            "policy": policy.model_dump(mode="json"),
        },
        timings,
    )


def detect(image: np.ndarray, params: LogParams, device: str = "cpu") -> Blobs:
    """The blobs of one image at given parameters: what ``skimage.feature.blob_log`` finds on it.

    image: (rows, columns), any real dtype; it is scaled to float32 in [0, 1] by its extremes, so that
    thresholds do not depend on dtype or detector gain. Deterministic. Raises BadFrame, BadParameters.
    """
    return detect_unit(to_unit(np.asarray(image)), params, pick_device(device))


def detect_unit(unit: Image, params: LogParams, device: str) -> Blobs:
    """The same on an image that is scaled to [0, 1] already."""
    if params.sigma_max > max(unit.shape):
        raise BadParameters(
            "sigma-too-large",
            hint=f"sigma_max is {params.sigma_max:g} px; the image is {unit.shape[0]} x {unit.shape[1]} px.",
        )
    return detect_blobs(unit, params, device)


def _pixel_size(given: float | tuple[float, float] | None) -> tuple[float, float] | None:
    if given is None:
        return None
    try:
        size = np.asarray(given, dtype=np.float64)
        rows_nm, columns_nm = map(float, np.broadcast_to(size, 2))
    except (TypeError, ValueError):
        raise BadParameters(
            "bad-pixel-size", hint=f"pixel_size_nm is one number or (y, x), in nm, not {str(given)[:80]}."
        ) from None
    if not all(math.isfinite(side) and side > 0.0 for side in (rows_nm, columns_nm)):
        raise BadParameters(
            "bad-pixel-size", hint=f"pixel_size_nm must be positive and finite, not {str(given)[:80]}."
        )
    return rows_nm, columns_nm


def _lattice_for_policy(lattice: str | Lattice | LatticeSpec) -> str | LatticeSpec:
    if isinstance(lattice, str | LatticeSpec):
        return lattice
    if not isinstance(lattice, Lattice):
        raise BadLattice(
            hint=f"A lattice is a name, a cell as text or a paretoscope.Lattice, not {str(lattice)[:80]}."
        )
    return LatticeSpec(
        a_nm=lattice.a_nm,
        b_nm=lattice.b_nm,
        gamma_deg=lattice.gamma_deg,
        basis=[Basis(x=site.x, y=site.y, species=site.species) for site in lattice.basis],
        name=lattice.name,
    )


def _header(unit: np.ndarray, pixel_size_nm: tuple[float, float] | None) -> FrameHeader:
    pixels = np.ascontiguousarray(unit)
    return FrameHeader(
        stream="analyze",
        epoch="local",
        sequence=0,
        shape=(int(unit.shape[0]), int(unit.shape[1])),
        dtype="float32",
        nbytes=pixels.nbytes,
        crc32=zlib.crc32(pixels.data),
        pixel_size_nm=pixel_size_nm,
    )
