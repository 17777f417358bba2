"""``ps.detect_movie``: the atoms of every frame of a stack, one frame in memory at a time.

frame   0      1  2  3  4  5      6      7  8 ...
        tuned  detected with      tuned  detected
               0's parameters     ^ many more or fewer atoms than on the frame tuned last
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from paretoscope.analysis import analyze, detect_unit
from paretoscope.contract import AtomMap, LogParams, StreamMemory
from paretoscope.core.devices import pick_device
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.core.refine import Method, refine
from paretoscope.errors import BadParameters

CHANGED = 0.15
"""A frame with so much more or less of the last tuned frame's atoms is tuned again."""
_COLUMNS = ("y_px", "x_px", "y_error_px", "x_error_px", "sigma_px", "confidence")


@dataclass(frozen=True)
class MovieFrame:
    """The atoms of one frame."""

    frame: int
    """From 0."""
    atoms: dict[str, np.ndarray]
    """Columns of equal length: frame, atom_id, y_px, x_px, y_error_px, x_error_px, sigma_px, confidence,
    score (and y_nm, x_nm where the pixel size is known), strongest first."""
    params: LogParams | None
    """What they were found with; None where a tuned frame showed none."""
    tuned: bool
    """Whether the parameters were searched for on this very frame."""

    def __len__(self) -> int:
        return len(self.atoms["y_px"])


def detect_movie(
    frames: Iterable[np.ndarray],
    params: LogParams | None = None,
    *,
    pixel_size_nm: float | tuple[float, float] | None = None,
    refinement: Method = "parabola",
    device: str = "cpu",
    **options: Any,
) -> Iterator[MovieFrame]:
    """Find the atoms of each frame as it is asked for.

    frames: (rows, columns) each, any real dtype: a (frames, rows, columns) array or memory map, a generator,
    ``ImageFile.frames()``; each is scaled to [0, 1] by its own extremes.
    params: used for all frames. None: searched for on the first, and again on a frame whose number of atoms
    is more than 15 % off that of the frame searched last, starting from what was best there; `options`
    (lattice, budget_s, seed, policy) go to ``ps.analyze`` then.
    refinement: "none", "parabola" or "gaussian", for the frames that are only detected.
    Raises BadFrame, BadLattice, BadParameters when it comes to the frame in question.
    """
    if refinement not in ("none", "parabola", "gaussian"):
        raise BadParameters(hint=f"refinement is none, parabola or gaussian, not {refinement!r}.")
    device = pick_device(device)
    return _frames(frames, params, pixel_size_nm, refinement, device, options)


def _frames(
    frames: Iterable[np.ndarray],
    given: LogParams | None,
    pixel_size_nm: float | tuple[float, float] | None,
    refinement: Method,
    device: str,
    options: dict[str, Any],
) -> Iterator[MovieFrame]:
    params, memory, usual = given, options.pop("memory", None), 0
    for index, image in enumerate(frames):
        if params is not None:
            unit = without_hot_pixels(image).image
            blobs = detect_unit(unit, params, device)
            if given is not None or abs(len(blobs) - usual) <= CHANGED * usual:
                fine = refine(unit, blobs, refinement)
                columns = {name: getattr(fine, name) for name in _COLUMNS}
                columns["score"] = blobs.response
                yield _frame(index, columns, pixel_size_nm, params, tuned=False)
                continue
        analysis = analyze(image, pixel_size_nm, memory=memory, device=device, **options)
        params = None if analysis.chosen is None else analysis.chosen.params
        memory, usual = analysis.document(StreamMemory), analysis.document(AtomMap).count
        columns = {name: analysis.atoms[name] for name in (*_COLUMNS, "score")}
        yield _frame(index, columns, pixel_size_nm, params, tuned=True)


def _frame(
    index: int,
    columns: dict[str, np.ndarray],
    pixel_size_nm: float | tuple[float, float] | None,
    params: LogParams | None,
    tuned: bool,
) -> MovieFrame:
    count = len(columns["y_px"])
    atoms = {
        "frame": np.full(count, index, dtype=np.int32),
        "atom_id": np.arange(count, dtype=np.int32),
        **{name: np.asarray(column, dtype=np.float32) for name, column in columns.items()},
    }
    if pixel_size_nm is not None:
        y_nm, x_nm = np.broadcast_to(np.asarray(pixel_size_nm, dtype=np.float32), 2)
        atoms |= {"y_nm": atoms["y_px"] * y_nm, "x_nm": atoms["x_px"] * x_nm}
    return MovieFrame(index, atoms, params, tuned)
