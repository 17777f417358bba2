"""Single pixels that would take the whole range for themselves: X-ray hits, dead detector pixels."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from paretoscope.core.intensity import Image, to_unit

LONELY = 0.25
"""Share of a pixel's height that its brightest neighbour has at most; in an atom of 0.7 px it has 0.36."""
TIMES = 3.0
"""So many times higher than everything that is not lonely."""
MOST = 1e-3
"""Share of the image that hot pixels may be; more of them are the image."""


def without_hot_pixels(unit: Image) -> tuple[Image, int]:
    """Clip lonely extremes to the next pixel in rank and scale to [0, 1] again.

    unit: (rows, columns) float32 in [0, 1].  Returns the image and how many pixels were clipped; the very
    image that came when there were none, which costs one pass over the pixels to see.
    """
    bright, hot = _clipped(unit)
    dark, dead = _clipped(1.0 - bright)
    if not hot + dead or dark.min() == dark.max():
        return unit, 0
    return to_unit(1.0 - dark), hot + dead


def _clipped(unit: Image) -> tuple[Image, int]:
    middle = float(np.median(unit[::4, ::4]))
    level = middle + (1.0 - middle) / TIMES
    if np.count_nonzero(unit > level) > max(MOST * unit.size, 1.0):
        return unit, 0
    height = unit - np.float32(middle)
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    lonely = ndimage.maximum_filter(height, footprint=ring, mode="constant", cval=-2.0) < LONELY * height
    next_highest = float(np.max(height, where=~lonely, initial=0.0))
    hot = lonely & (height > TIMES * next_highest)
    if next_highest == 0.0 or not hot.any():
        return unit, 0
    return np.where(hot, np.float32(middle + next_highest), unit), int(hot.sum())
