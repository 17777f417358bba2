"""Square patches round atoms: what an atom's surroundings look like."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from paretoscope.core.compiled import compiled

MOST_SAMPLES = 25
"""Samples along a patch's side; larger patches are sampled coarser, so that their cost stays bounded."""
LEAST_SIDE_PX = 5


@dataclass(frozen=True)
class Patches:
    """Patches of the atoms that lie far enough from the border."""

    pixels: np.ndarray
    """(kept atoms, samples, samples) float32."""
    kept: np.ndarray
    """(kept atoms,) index into the atoms given."""
    side_px: int
    """Odd; the patch reaches (side_px - 1) / 2 px to either side of its atom."""


def patch_side_px(neighbour_px: float, patch_neighbours: float, shape: tuple[int, int]) -> int:
    """Return the odd side nearest to `patch_neighbours` x `neighbour_px`, at least 5 px, within `shape`."""
    side = 2 * round((patch_neighbours * neighbour_px - 1) / 2) + 1
    largest = max(LEAST_SIDE_PX, min(shape) // 2 * 2 - 1)
    return int(min(max(side, LEAST_SIDE_PX), largest))


def cut_patches(image_unit: np.ndarray, y_px: np.ndarray, x_px: np.ndarray, side_px: int) -> Patches:
    """Cut a patch of side `side_px` round every atom, its middle exactly on the atom.

    image_unit: (rows, columns) float32 in [0, 1].  y_px, x_px: (atoms,) positions.
    Atoms nearer than half a side to the border are left out.
    """
    rows, columns = image_unit.shape
    half = (side_px - 1) / 2
    inside = (y_px >= half) & (x_px >= half) & (y_px <= rows - 1 - half) & (x_px <= columns - 1 - half)
    kept = np.flatnonzero(inside)
    samples = min(side_px, MOST_SAMPLES)
    step = (side_px - 1) / (samples - 1)
    # A coarser grid would alias the noise between its points; smooth it away first.
    source = gaussian_filter(image_unit, 0.5 * math.sqrt(step * step - 1)) if step > 1 else image_unit
    pixels = np.empty((len(kept), samples, samples), np.float32)
    sample(np.ascontiguousarray(source, np.float32), y_px[kept] - half, x_px[kept] - half, step, pixels)
    return Patches(pixels, kept, side_px)


@compiled
def sample(image: np.ndarray, top: np.ndarray, left: np.ndarray, step: float, out: np.ndarray) -> None:
    """Fill `out` (patches, samples, samples) by linear interpolation, `step` px apart; all inside the image.

    Linear: over simulated two- and three-species lattices it beats whole-pixel crops (adjusted Rand index
    0.80 against 0.72 at high noise) and cubic splines, which keep more of the noise.
    """
    rows, columns = image.shape
    for i in range(len(out)):
        for k in range(out.shape[1]):
            y = min(max(top[i] + k * step, 0.0), rows - 1.0)
            y0 = min(int(y), rows - 2)
            v = y - y0
            for m in range(out.shape[2]):
                x = min(max(left[i] + m * step, 0.0), columns - 1.0)
                x0 = min(int(x), columns - 2)
                u = x - x0
                upper = image[y0, x0] * (1.0 - u) + image[y0, x0 + 1] * u
                lower = image[y0 + 1, x0] * (1.0 - u) + image[y0 + 1, x0 + 1] * u
                out[i, k, m] = upper * (1.0 - v) + lower * v
