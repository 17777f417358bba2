"""Which parts of a frame hold lattice, which hold nothing, and which hold atoms without order.

A square is lattice where the reflections are at least half as strong as in the full lattice round it: seen
through a Gaussian, a straight edge lies exactly at one half, so that the area is not biased. The rest is
vacuum where it is as dark as the darkest place between columns, and disordered otherwise.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import ndimage

from paretoscope.core.coherence import Coherence
from paretoscope.core.demodulate import Demodulator
from paretoscope.core.expectation import DISORDERED, LATTICE, VACUUM

HALF = 0.5
FAINT = 0.45
"""Lattice this much weaker than the frame's typical one still sets its own level: wedges, beam damage."""
DARKEST = 0.15
"""Vacuum lies in this lowest share of the range of local means."""
LEAST_SIDE = 5.0
"""Side of the smallest vacuum, grid squares."""
CALM, FADED = (0.1, 0.35), 0.32
"""The darkest area is vacuum where its variance is less than the first share of the rest's, or less than the
second while its brightness is less than `FADED` of theirs. Simulated vacuum beside films, at three doses:
0.05 at most; a film thinner by two thirds in places: variance 0.14 and more, brightness 0.38 and more. A film
a fifth as thick in places is taken for vacuum there."""


def grid_step_px(cell_side_px: float) -> int:
    """Side of a mask square, px: about a quarter of the cell, 2 to 8."""
    return int(np.clip(2 ** round(np.log2(max(cell_side_px, 1.0) / 4.0)), 2, 8))


def lattice_area(measured: Coherence, waves: Demodulator) -> np.ndarray:
    """(rows, columns) bool: where the lattice is. All False where nothing rises above disorder."""
    sigma_px, step_px = waves.sigma_px, waves.step_px
    strength = measured.strength
    squares = strength.astype(float) ** 2
    if not squares.sum() > 0.0:
        return np.zeros(strength.shape, dtype=bool)
    typical = _weighted_median(strength, squares)
    # One bright dopant must not raise the level of its surroundings.
    capped = np.minimum(strength, 1.4 * typical)
    far = 5.0 * sigma_px / step_px
    fourth = ndimage.gaussian_filter(capped**4, far, mode="nearest", truncate=2.5)
    third = ndimage.gaussian_filter(capped**3, far, mode="nearest", truncate=2.5)
    level = np.maximum(fourth / np.maximum(third, 1e-30), FAINT * typical)
    # Above disorder too: half a lattice that drowns in it is no evidence.
    certain = squares > 1.0 * len(measured.strongest) * measured.noise
    share = strength / level
    side = 2.5 * sigma_px / step_px
    area = without_specks((share > HALF) & certain, side)
    for _ in range(2):
        area = without_specks((share > _at_edges(area, waves)) & certain, side)
    return area


def _at_edges(area: np.ndarray, waves: Demodulator) -> np.ndarray:
    """(rows, columns): the share of lattice that the Gaussian sees at the edge of `area` near by.

    One half along straight edges, more round small holes, less round small islands.
    """
    seen = waves.share_of(area)
    high, low = ndimage.maximum_filter(area, 3), ndimage.minimum_filter(area, 3)
    edge = np.not_equal(high, low).astype(np.float32)
    near = 1.5 * waves.sigma_px / waves.step_px
    edges = ndimage.gaussian_filter(edge, near, mode="nearest", truncate=3.0)
    there = ndimage.gaussian_filter(edge * seen, near, mode="nearest", truncate=3.0)
    return np.clip((there + 1e-3 * HALF) / (edges + 1e-3), 0.25, 0.75)


def kinds(
    lattice: np.ndarray, waves: Demodulator, darkest: float, structure: float | None = None
) -> np.ndarray:
    """(rows, columns) uint8 of `VACUUM`, `LATTICE`, `DISORDERED`.

    lattice: (rows, columns) bool.  darkest: how far the darkest place of the cell lies below its mean,
    negative, image units.
    """
    mean = waves.background
    typical = float(np.median(mean[lattice]))
    near = 4.0 * waves.sigma_px / waves.step_px
    share = ndimage.gaussian_filter(lattice.astype(np.float32), near, mode="nearest", truncate=2.5)
    around = ndimage.gaussian_filter(np.where(lattice, mean, 0.0), near, mode="nearest", truncate=2.5)
    # Far from any lattice its typical brightness stands in.
    around = (around + 0.02 * typical) / (share + 0.02)
    vacuum = ~lattice & (mean < around + 0.5 * darkest)
    area = np.where(lattice, LATTICE, np.where(vacuum, VACUUM, DISORDERED)).astype(np.uint8)
    return area


def kinds_without_lattice(waves: Demodulator) -> np.ndarray:
    """The same where there is no lattice at all: vacuum is the darkest area where it is both much darker and
    much calmer than the rest, because what scatters nothing makes no shot noise either."""
    mean = waves.background
    low, high = np.percentile(mean, [2.0, 98.0])
    dark = without_specks(mean < low + DARKEST * (high - low), LEAST_SIDE)
    if not dark.any() or dark.all():
        return np.full(mean.shape, DISORDERED, dtype=np.uint8)
    texture = ndimage.gaussian_filter(_local_variance(waves), 2.0, mode="nearest")
    calm = float(np.median(texture[dark]) / max(np.median(texture[~dark]), 1e-20))
    level = float(np.median(mean[dark]) / max(np.median(mean[~dark]), 1e-20))
    vacuum = dark & (calm < CALM[0] or (calm < CALM[1] and level < FADED))
    return np.where(vacuum, VACUUM, DISORDERED).astype(np.uint8)


def without_specks(area: np.ndarray, side: float) -> np.ndarray:
    """Drop islands, then fill holes, smaller than `side` squared; in grid squares."""
    for value in (True, False):
        labels, count = _islands(area == value)
        if count > 1:
            small = np.bincount(labels.ravel()) < side * side
            small[0] = False
            area = np.where(small[labels], not value, area)
    return area


def _islands(area: np.ndarray) -> tuple[np.ndarray, int]:
    labels: Any = np.zeros(area.shape, dtype=np.int32)
    return labels, int(ndimage.label(area, output=labels))  # pyright: ignore[reportArgumentType]


def _local_variance(waves: Demodulator) -> np.ndarray:
    step, (rows, columns) = waves.step_px, waves.grid
    squares = np.pad(
        waves.flat**2, ((0, rows * step - waves.shape[0]), (0, columns * step - waves.shape[1])), mode="edge"
    )
    return squares.reshape(rows, step, columns, step).mean(axis=(1, 3))


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    order = np.argsort(values, axis=None)
    total = np.cumsum(weights.ravel()[order])
    return float(values.ravel()[order][np.searchsorted(total, 0.5 * total[-1])])
