"""One detection of a frame whose parameters differ from place to place.

Every place has the parameters of the windows around it, weighted by ``windows.blend_weights``: sigma_min,
sigma_max and overlap are averaged, thresholds geometrically. Then every candidate is judged by the
parameters at its own place:

1. The blended scale range is moved to the grid. For each range that occurs anywhere, the maxima of that range
   are looked up (unpruned), and those kept that lie where it applies.
2. Of these, the ones above the blended threshold at their place stay.
3. Overlaps are resolved among all of them; each blob stays or goes by the rule at its own overlap, taken
   from at most ``OVERLAP_LEVELS`` levels.

Where all windows agree this is exactly ``candidates.select`` with their common parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs
from paretoscope.core.prune import kept_after_pruning
from paretoscope.core.scoring import unpruned
from paretoscope.core.windows import WindowGrid, blend_weights

if TYPE_CHECKING:
    from paretoscope.core.candidates import CandidateSet

OVERLAP_LEVELS = 9
AT_ONCE = 4096
"""Places whose weights of all windows are in memory together: 64 MB at most."""


def blended_blobs(candidates: CandidateSet, grid: WindowGrid, params: Sequence[LogParams | None]) -> Blobs:
    """Blobs of the frame by the parameters of its windows, one entry per window of `grid`, row by row.

    Windows without parameters (None) have no say; where no window around a place has any, the nearest ones
    that do decide. Returns no blobs when every entry is None.
    """
    known = np.array([entry is not None for entry in params])
    if not known.any():
        return Blobs.none()
    given = [candidates.snap(entry) for entry in params if entry is not None]
    parts, levels = [], []
    for first, last in _ranges(candidates, given):
        pool = candidates.select(unpruned(candidates, first, last), exact=False)
        if len(pool) == 0:
            continue
        sigma_min, sigma_max, threshold, overlap = _blended(grid, known, given, pool.y_px, pool.x_px)
        here = (_nearest(candidates, sigma_min) == first) & (_nearest(candidates, sigma_max) == last)
        here &= pool.response > threshold
        parts.append(pool.take(here))
        levels.append(overlap[here])
    return _pruned(parts, levels)


def _blended(
    grid: WindowGrid, known: np.ndarray, given: list[LogParams], y_px: np.ndarray, x_px: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(places,) each: sigma_min, sigma_max, threshold, overlap."""
    columns = np.array(
        [[p.sigma_min, p.sigma_max, np.log(max(p.threshold, 1e-12)), p.overlap] for p in given]
    )
    # Differences from the first window are blended, so that equal parameters come back unrounded.
    mean = np.empty((len(y_px), columns.shape[1]))
    for start in range(0, len(y_px), AT_ONCE):
        part = np.s_[start : start + AT_ONCE]
        # The tiny weight that every window has everywhere is what lets the nearest known ones decide.
        weights = blend_weights(grid, y_px[part], x_px[part])[:, known]
        weights /= weights.sum(axis=1, keepdims=True)
        mean[part] = columns[0] + weights @ (columns - columns[0])
    threshold = np.exp(mean[:, 2])
    if np.ptp(columns[:, 2]) == 0.0:
        threshold[:] = given[0].threshold
    return mean[:, 0], mean[:, 1], threshold, mean[:, 3]


def _ranges(candidates: CandidateSet, given: list[LogParams]) -> list[tuple[int, int]]:
    """Every pair of grid indices that a weighted mean of the given ranges can round to."""
    firsts = _nearest(candidates, np.array([p.sigma_min for p in given]))
    lasts = _nearest(candidates, np.array([p.sigma_max for p in given]))
    return [
        (first, last)
        for first in range(firsts.min(), firsts.max() + 1)
        for last in range(max(first, lasts.min()), lasts.max() + 1)
    ]


def _nearest(candidates: CandidateSet, sigma_px: np.ndarray) -> np.ndarray:
    grid = np.asarray(candidates.sigmas, dtype=np.float64)
    step = (grid[-1] - grid[0]) / max(len(grid) - 1, 1)
    return np.clip(np.rint((sigma_px - grid[0]) / max(step, 1e-12)), 0, len(grid) - 1).astype(np.intp)


def _pruned(parts: list[Blobs], overlaps: list[np.ndarray]) -> Blobs:
    if not parts:
        return Blobs.none()
    overlap = np.concatenate(overlaps)
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("y_px", "x_px", "sigma_px", "response")
    }
    # Strongest first, as one detection would give them: the order decides in chains of overlaps.
    order = np.lexsort((columns["sigma_px"], columns["x_px"], columns["y_px"], -columns["response"]))
    merged = Blobs(
        **{name: column[order] for name, column in columns.items()}, capped=any(p.capped for p in parts)
    )
    overlap = overlap[order]
    if len(merged) == 0:
        return merged
    low, high = float(overlap.min()), float(overlap.max())
    rules = np.linspace(low, high, OVERLAP_LEVELS) if high > low else np.array([low])
    rule = np.abs(overlap[:, None] - rules).argmin(axis=1)
    keep = np.zeros(len(merged), dtype=bool)
    for level in np.unique(rule):
        kept = kept_after_pruning(merged.y_px, merged.x_px, merged.sigma_px, float(rules[level])).keep
        keep |= kept & (rule == level)
    return merged.take(keep)
