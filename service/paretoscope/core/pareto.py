"""Fronts: who is better than whom when two rewards count, and which point to take.

Values are (points, objectives) float64, all minimised; ``inf`` marks an infeasible point. The heavy work is
moocore's. Differences below a resolution are no differences: with 150 atoms in a window one atom is
QC = 0.007, and the expected count is itself not known better than the border allows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import moocore
import numpy as np

from paretoscope.errors import BadParameters

MIN_RESOLUTION = 0.01
"""QC and ER differences below this are ties, however many atoms there are."""

BORDER_SPREAD = 1.5
"""Standard deviations of the number of atoms on the border that count as no difference in QC."""


def resolution(n_expected: float) -> float:
    """The smallest difference of a reward that means anything: 0.01, and at least one atom."""
    return max(MIN_RESOLUTION, 1.0 / max(n_expected, 1.0))


def count_resolution(n_expected: float, area_px: float, neighbour_px: float) -> float:
    """The same for QC, whose expected count is only known to about the root of the atoms on the border.

    Where the lattice lies relative to the border decides which of those atoms are inside: 24 simulated
    windows of 128 px with 115-165 atoms missed ``density x area`` by 2.8 % (one standard deviation; 6.2 % at
    most) where this gives 7 %. At most 0.1.
    """
    border = 4.0 * math.sqrt(max(area_px, 0.0)) / max(neighbour_px, 1.0)
    return max(resolution(n_expected), min(BORDER_SPREAD * math.sqrt(border) / max(n_expected, 1.0), 0.1))


def feasible(values: np.ndarray, reference: Sequence[float]) -> np.ndarray:
    """(points,) bool: finite and strictly inside the reference point."""
    values = np.asarray(values, dtype=np.float64)
    return np.asarray(np.isfinite(values).all(axis=1) & (values < np.asarray(reference)).all(axis=1))


def nondominated(values: np.ndarray, reference: Sequence[float]) -> np.ndarray:
    """Indices of the feasible points that no other point dominates, by rising first objective.

    Of points with equal values the first one stays.
    """
    values = np.asarray(values, dtype=np.float64)
    candidates = np.flatnonzero(feasible(values, reference))
    if candidates.size == 0:
        return candidates
    best = candidates[moocore.is_nondominated(values[candidates])]
    return best[np.lexsort(values[best].T[::-1])]


def hypervolume(values: np.ndarray, reference: Sequence[float]) -> float:
    """Volume that the feasible points dominate, measured from the reference point; 0 when there is none."""
    values = np.asarray(values, dtype=np.float64)
    inside = values[feasible(values, reference)]
    return float(moocore.hypervolume(inside, ref=list(reference))) if len(inside) else 0.0


def cells(values: np.ndarray, resolutions: Sequence[float]) -> np.ndarray:
    """(points, objectives): every value as a number of whole resolutions; equal cells are ties."""
    values = np.asarray(values, dtype=np.float64)
    # The small addend keeps 3 * 0.01 in cell 3 although it is 0.029999... in binary.
    return np.floor(values / np.asarray(resolutions, dtype=np.float64) + 1e-9)


def tied_groups(
    values: np.ndarray, reference: Sequence[float], resolutions: Sequence[float]
) -> list[np.ndarray]:
    """The front in cells: for each non-dominated cell the indices of all points that share it.

    Ordered by the first objective. Because cells do not depend on what else was found, a cell that is best
    stays so until a better cell comes, and its group only grows: the best member by any fixed tie-break
    never gets worse as the search goes on.
    """
    inside = np.flatnonzero(feasible(values, reference))
    if inside.size == 0:
        return []
    cell = cells(np.asarray(values)[inside], resolutions)
    unique, member = np.unique(cell, axis=0, return_inverse=True)
    best = np.flatnonzero(moocore.is_nondominated(unique))
    best = best[np.lexsort(unique[best].T[::-1])]
    return [inside[member.reshape(-1) == group] for group in best]


def choose(values: np.ndarray, weight: float, scale: Sequence[float]) -> int:
    """Index of the point on a front at `weight` in [0, 1] of the way from its first to its second reward.

    0 is the least first reward (QC), 1 the least second (ER), 0.5 the knee: the point with the least sum of
    values in units of `scale` (the reference point). In between the choice walks along the front, so that
    every point can be reached and a larger weight never gives a larger second reward.

    values: (points, objectives), a front.  Raises BadParameters for an empty front or a weight outside.
    """
    values = np.asarray(values, dtype=np.float64)
    if len(values) == 0:
        raise BadParameters("empty-front", hint="There is no point to choose: nothing was found.")
    if not 0.0 <= weight <= 1.0:
        raise BadParameters("bad-weight", hint=f"The weight must lie in 0..1, not {weight}.")
    order = np.lexsort((values[:, 1], values[:, 0]))
    scaled = values[order] / np.asarray(scale, dtype=np.float64)
    knee = int(np.argmin(scaled.sum(axis=1)))
    return int(order[np.argmin(np.abs(_walk(scaled, knee) - weight))])


def _walk(ordered: np.ndarray, knee: int) -> np.ndarray:
    """(points,) place of each point on the way: 0 at the first end, 0.5 at the knee, 1 at the last end."""
    span = np.ptp(ordered, axis=0)
    steps = np.abs(np.diff(ordered, axis=0)) / np.where(span > 0.0, span, 1.0)
    way = np.concatenate([[0.0], np.cumsum(steps.sum(axis=1))])
    # With the knee at an end, that end answers to its whole half of the weights.
    before = 0.5 * way / way[knee] if knee > 0 else np.full(len(way), 0.5)
    rest = way[-1] - way[knee]
    after = 0.5 + 0.5 * (way - way[knee]) / rest if rest > 0.0 else np.full(len(way), 0.5)
    return np.where(np.arange(len(way)) <= knee, before, after)
