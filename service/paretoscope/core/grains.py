"""More than one grain of the same crystal in a frame: find the others by turning the cell."""

from __future__ import annotations

import numpy as np

from paretoscope.core.demodulate import Demodulator
from paretoscope.core.orient import orient
from paretoscope.core.reflections import find_reflections
from paretoscope.core.spectrum import examine

MOST = 3
"""How many more grains are looked for."""
LEAST_SHARE = 0.03
"""Of the frame: smaller remainders are not searched."""
SAME_CELL = 0.04
"""Largest difference in length for the cell to count as the same crystal."""


def with_other_grains(
    image: np.ndarray,
    vectors: np.ndarray,
    lattice: np.ndarray,
    nothing: np.ndarray,
    waves: Demodulator,
    coarser: int = 1,
) -> tuple[np.ndarray, int]:
    """The lattice's area with that of further grains, and how many those are.

    vectors: reciprocal rows of the first grain, cycles per px.  lattice, nothing: (rows, columns) bool on the
    grid of `waves`: found already, and vacuum.  coarser: as `waves` were made, see `spectrum.examine`.
    """
    count = 0
    cells = 30.0 / abs(np.linalg.det(vectors)) / waves.step_px**2
    for _ in range(MOST):
        rest = ~lattice & ~nothing
        if rest.sum() < max(LEAST_SHARE * rest.size, cells):
            break
        peaks = find_reflections(waves.flat, waves.spread(rest.astype(np.float32)))
        turned = orient(vectors, peaks, SAME_CELL)
        if turned is None:
            break
        found = examine(image, turned.vectors, coarser)
        more = found.lattice & rest if found.lattice.shape == rest.shape else np.zeros_like(rest)
        if more.sum() < max(0.01 * rest.size, cells / 2):
            break
        lattice = lattice | more
        count += 1
    return lattice, count
