"""Single pixels that would take the whole range for themselves: X-ray hits, dead detector pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from paretoscope.core.intensity import Image, to_unit

LONELY = 0.25
"""Share of a pixel's height that its brightest neighbour has at most; in an atom of 0.7 px it has 0.36."""
TIMES = 3.0
"""So many times higher than everything that is not lonely."""
MOST = 1e-3
"""Share of the image that hot pixels may be; more of them are the image."""


@dataclass(frozen=True)
class Cleaned:
    """A frame scaled to [0, 1], its hot and dead pixels clipped."""

    image: Image
    """(rows, columns) float32 in [0, 1]."""
    low: float
    """The frame's value that became 0, in its own unit ..."""
    high: float
    """... and the one that became 1."""
    places: npt.NDArray[np.intp]
    """Flat indices of the pixels that were clipped."""


def without_hot_pixels(image: npt.ArrayLike) -> Cleaned:
    """Scale a frame to [0, 1] with lonely extremes clipped to the next pixel in rank.

    image: as for `intensity.to_unit`, with its errors.
    """
    raw = np.asarray(image)
    unit = to_unit(raw)
    raw = raw if raw.ndim == 2 else unit
    hot, level = _lonely(unit)
    if len(hot):
        raw = _with(raw, hot, level)
        unit = to_unit(raw)
    dead, level = _lonely(1.0 - unit)
    if len(dead):
        raw = _with(raw, dead, 1.0 - level)
        unit = to_unit(raw)
    return Cleaned(unit, float(raw.min()), float(raw.max()), np.union1d(hot, dead))


def _with(raw: npt.NDArray, places: npt.NDArray[np.intp], level: float) -> npt.NDArray[np.float64]:
    """`raw` with these pixels at a level between its extremes (0..1).

    The frame's own values are scaled anew, in double precision: beside a pixel a million times as bright the
    float32 image has lost them.
    """
    low, high = float(raw.min()), float(raw.max())
    pixels = raw.astype(np.float64)
    pixels.reshape(-1)[places] = low + level * (high - low)
    return pixels


def _lonely(unit: Image) -> tuple[npt.NDArray[np.intp], float]:
    """Flat indices of pixels that are far brighter than all others and alone, and the next level in rank."""
    none = np.empty(0, dtype=np.intp)
    middle = float(np.median(unit[::4, ::4]))
    level = middle + (1.0 - middle) / TIMES
    if np.count_nonzero(unit > level) > max(MOST * unit.size, 1.0):
        return none, 1.0
    height = unit - np.float32(middle)
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    lonely = ndimage.maximum_filter(height, footprint=ring, mode="constant", cval=-2.0) < LONELY * height
    next_highest = float(np.max(height, where=~lonely, initial=0.0))
    hot = np.flatnonzero(lonely & (height > TIMES * next_highest))
    return (none, 1.0) if next_highest == 0.0 else (hot, middle + next_highest)
