"""Which of two overlapping blobs stays: skimage's rule at a fraction of its cost.

skimage (0.26, feature/blob.py, `_prune_blobs`) walks through all pairs of blobs closer than twice the
largest radius, in the order in which a Python set of index pairs happens to be laid out, and of two blobs
that overlap too much drops the one with the smaller sigma (of two equal ones the earlier, which is the
stronger). A dropped blob drops nobody any more, so where blobs overlap in chains the order decides.

Here only pairs that can overlap are looked at, all at once, and the order is asked for only where it matters.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from paretoscope.core.compiled import compiled
from paretoscope.core.neighbours import overlaps, search_distance_px
from paretoscope.core.set_order import python_order

SKIMAGE_ORDER_PAIRS = 500_000
"""Beyond so many neighbouring pairs chains are resolved strongest pair first, not in skimage's order: laying
out its set would take seconds, and only noise has that many."""


class Kept(NamedTuple):
    keep: npt.NDArray[np.bool_]
    """(N,) which blobs stay."""
    complete: bool
    """False: more pairs overlap than there is room for, and the weakest blobs were left out."""


def kept_after_pruning(
    y_px: npt.NDArray,
    x_px: npt.NDArray,
    sigma_px: npt.NDArray[np.float32],
    overlap: float,
    exact: bool = True,
) -> Kept:
    """Which of N blobs stay.

    y_px, x_px: (N,) whole pixels.  sigma_px: (N,) float32, positive.  The order of the rows counts.
    overlap: 0..1, the share of the smaller disc's area that may be covered.
    exact: False resolves chains strongest pair first, where laying out skimage's set is too slow (scoring).
    """
    count = len(sigma_px)
    keep = np.ones(count, dtype=bool)
    if count < 2 or (overlap >= 1.0 and not exact):
        return Kept(keep, True)  # nothing is covered by more than all of itself, but for rounding
    sigmas, scale = np.unique(sigma_px, return_inverse=True)
    pairs = overlaps(y_px, x_px, scale, sigmas, keep, keep)
    keep[pairs.rows :] = False
    points = np.stack([y_px, x_px], axis=1).astype(np.float32)[: pairs.rows]
    sigma_px = sigma_px[: pairs.rows]
    conflict = (np.abs(pairs.share) > np.float32(overlap)) & ((overlap < 1.0) | (pairs.share < np.inf))
    if (narrow := np.flatnonzero(conflict & (pairs.share < 0))).size:
        # Discs that touch in one point: skimage's own search may or may not list them.
        gap = points[pairs.first[narrow]].astype(np.float64) - points[pairs.second[narrow]]
        conflict[narrow] = np.einsum("nk,nk->n", gap, gap) <= search_distance_px(sigma_px.max()) ** 2
    first, second = pairs.first[conflict], pairs.second[conflict]
    keep[: pairs.rows] = kept_of(points, sigma_px, first, second, exact)
    return Kept(keep, pairs.rows == count)


def kept_of(
    points: npt.NDArray[np.float32],
    sigma_px: npt.NDArray[np.float32],
    first: npt.NDArray,
    second: npt.NDArray,
    exact: bool = True,
) -> npt.NDArray[np.bool_]:
    """Which of N blobs stay, given the pairs (first < second) that overlap too much.

    points: (N, 2) y, x in px.  sigma_px: (N,).
    """
    keep = np.ones(len(sigma_px), dtype=bool)
    drop_second = sigma_px[first] > sigma_px[second]
    loser = np.where(drop_second, second, first)
    winner = np.where(drop_second, first, second)
    keep[loser] = False  # so far: blobs that lose no pair at all; they are sure to stay ...
    settled = keep.copy()
    settled[loser[keep[winner]]] = True  # ... and whoever meets one of them is sure to go
    if settled.all():
        return keep
    order = np.lexsort((second, first))
    first, second, loser, winner = first[order], second[order], loser[order], winner[order]
    walk = _skimage_order(points, sigma_px, first, second) if exact else None
    alive = np.ones(len(keep), dtype=bool)
    _walk(loser, winner, np.arange(len(first)) if walk is None else walk, alive)
    return alive


@compiled
def _walk(loser, winner, order, alive):
    for pair in order:
        if alive[winner[pair]]:
            alive[loser[pair]] = False


def _skimage_order(
    points: npt.NDArray[np.float32],
    sigma_px: npt.NDArray[np.float32],
    first: npt.NDArray,
    second: npt.NDArray,
) -> npt.NDArray[np.intp] | None:
    """The order in which skimage's set has these pairs (sorted), which depends on all of its members.

    None where there are too many of those.
    """
    distance = search_distance_px(sigma_px.max())
    tree = KDTree(points, leafsize=16)  # as skimage's: the order of pairs depends on it
    count = len(sigma_px)
    if (
        count * (count - 1) // 2 > SKIMAGE_ORDER_PAIRS
        and tree.count_neighbors(tree, distance) > 2 * SKIMAGE_ORDER_PAIRS + count
    ):
        return None
    pairs = python_order(tree.query_pairs(distance, output_type="ndarray"))
    wanted = first.astype(np.int64) * count + second
    keys = pairs[:, 0] * count + pairs[:, 1]
    place = np.minimum(np.searchsorted(wanted, keys), len(wanted) - 1)
    return place[wanted[place] == keys]
