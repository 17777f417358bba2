"""Which of two overlapping blobs stays: skimage's rule at a fraction of its cost.

skimage (0.26, feature/blob.py, `_prune_blobs`) walks through all pairs of blobs closer than twice the
largest radius, in the order in which a Python set of index pairs happens to be laid out, and of two blobs
that overlap too much drops the one with the smaller sigma (of two equal ones the earlier, which is the
stronger). A dropped blob drops nobody any more, so where blobs overlap in chains the order decides.

Here only pairs that can overlap are looked at, all at once, and the order is asked for only where it matters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

Pairs = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]
Share = npt.NDArray[np.float32]

SKIMAGE_ORDER_PAIRS = 500_000
"""Beyond so many neighbouring pairs chains are resolved strongest pair first, not in skimage's order: laying
out its set would take seconds, and only noise has that many."""


@dataclass(frozen=True)
class Touching:
    """The pairs (first < second) among `count` blobs whose discs touch, by rising `second`.

    Of the first n of these blobs, the pairs are a head of the table: so one table serves many thresholds.
    """

    count: int
    first: npt.NDArray[np.intp]
    second: npt.NDArray[np.intp]
    squared_px: npt.NDArray[np.float64]
    """Squared distance of the centres."""
    share: Share
    """Share of the smaller disc's area that is covered; infinite where it lies inside the larger one."""

    @classmethod
    def among(cls, y_px: npt.NDArray, x_px: npt.NDArray, sigma_px: Share) -> Touching:
        points = np.stack([y_px, x_px], axis=1).astype(np.float32)
        if len(points) < 2:
            none = np.empty(0, dtype=np.intp)
            return cls(len(points), none, none, np.empty(0), np.empty(0, dtype=np.float32))
        first, second = _touching_pairs(points, sigma_px)
        order = np.argsort(second)
        first, second = first[order], second[order]
        squared = _squared_distance(points, first, second)
        return cls(len(points), first, second, squared, _overlap_share(points, sigma_px, first, second))

    def __len__(self) -> int:
        return len(self.first)

    def conflicts(self, sigma_px: Share, overlap: float) -> Pairs:
        """The pairs among the first len(sigma_px) blobs that share more than `overlap`."""
        head = len(self) if len(sigma_px) == self.count else int(np.searchsorted(self.second, len(sigma_px)))
        conflict = _exceeds(self.share[:head], overlap)
        # Discs that touch in one point: skimage's own search may or may not list them.
        conflict &= self.squared_px[:head] <= _search_distance(sigma_px) ** 2
        return self.first[:head][conflict], self.second[:head][conflict]


def kept_after_pruning(
    y_px: npt.NDArray,
    x_px: npt.NDArray,
    sigma_px: npt.NDArray[np.float32],
    overlap: float,
    exact: bool = True,
    touching: Touching | None = None,
) -> npt.NDArray[np.bool_]:
    """Which blobs stay, (N,) bool.

    y_px, x_px: (N,) integers or floats.  sigma_px: (N,) float32, positive.  The order of the rows counts.
    overlap: 0..1, the share of the smaller disc's area that may be covered.
    exact: False resolves chains strongest pair first, where laying out skimage's set is too slow (scoring).
    touching: of these blobs, or of more of which these are the first; None: to be found.
    """
    count = len(sigma_px)
    keep = np.ones(count, dtype=bool)
    if count < 2 or (overlap >= 1.0 and not exact):
        return keep  # nothing is covered by more than all of itself, but for rounding
    if touching is None:
        touching = Touching.among(y_px, x_px, sigma_px)
    if len(touching) == 0:
        return keep
    first, second = touching.conflicts(sigma_px, overlap)
    if len(first) == 0:
        return keep
    drop_second = sigma_px[first] > sigma_px[second]
    loser = np.where(drop_second, second, first)
    winner = np.where(drop_second, first, second)

    keep[loser] = False  # so far: blobs that lose no pair at all; they are sure to stay ...
    sure_losers = loser[keep[winner]]  # ... and whoever meets one of them is sure to go
    settled = keep.copy()
    settled[sure_losers] = True
    if settled.all():
        return keep
    loses = dict(zip(zip(first.tolist(), second.tolist(), strict=True), loser.tolist(), strict=True))
    points = np.stack([y_px, x_px], axis=1).astype(np.float32)
    pairs = _skimage_order(points, sigma_px, loses) if exact else sorted(loses)
    alive = [True] * count
    for pair in pairs:
        if alive[pair[0]] and alive[pair[1]]:
            alive[loses[pair]] = False
    return np.array(alive)


def _skimage_order(
    points: npt.NDArray[np.float32], sigma_px: npt.NDArray[np.float32], loses: dict[tuple[int, int], int]
) -> list[tuple[int, int]]:
    """The conflicting pairs in the order of skimage's set, which depends on all of its members."""
    distance = _search_distance(sigma_px)
    tree = KDTree(points, leafsize=16)  # as skimage's: the order of pairs depends on it
    count = len(sigma_px)
    if (
        count * (count - 1) // 2 > SKIMAGE_ORDER_PAIRS
        and tree.count_neighbors(tree, distance) > 2 * SKIMAGE_ORDER_PAIRS + count
    ):
        return sorted(loses)
    return [pair for pair in tree.query_pairs(distance) if pair in loses]


def _search_distance(sigma_px: npt.NDArray[np.float32]) -> float:
    """How far skimage looks for pairs, px: twice the largest radius, rounded to float32."""
    return float(2 * sigma_px.max() * math.sqrt(2))


def _touching_pairs(points: npt.NDArray[np.float32], sigma_px: npt.NDArray[np.float32]) -> Pairs:
    """All pairs (first < second) whose discs of radius sqrt(2) sigma touch."""
    reach = math.sqrt(2) * (1 + 1e-5)
    octave = np.floor(np.log2(sigma_px / sigma_px.min() * (1 + 1e-6))).astype(int)
    groups = [np.flatnonzero(octave == level) for level in np.unique(octave)]
    trees = [KDTree(points[group], balanced_tree=False, compact_nodes=False) for group in groups]
    largest = [float(sigma_px[group].max()) for group in groups]
    firsts, seconds = [], []
    for a, group in enumerate(groups):
        inner = trees[a].query_pairs(reach * 2 * largest[a], output_type="ndarray")
        firsts.append(group[inner[:, 0]])
        seconds.append(group[inner[:, 1]])
        for b in range(a):
            radius = reach * (largest[a] + largest[b])
            outer = trees[a].sparse_distance_matrix(trees[b], radius, output_type="ndarray")
            firsts.append(group[outer["i"]])
            seconds.append(groups[b][outer["j"]])
    first, second = np.concatenate(firsts), np.concatenate(seconds)
    first, second = np.minimum(first, second), np.maximum(first, second)
    limit = reach * (sigma_px[first] + sigma_px[second])
    near = _squared_distance(points, first, second) <= limit**2
    return first[near], second[near]


def _squared_distance(
    points: npt.NDArray[np.float32], first: npt.NDArray[np.intp], second: npt.NDArray[np.intp]
) -> npt.NDArray[np.float64]:
    gap = points[first].astype(np.float64) - points[second]
    return np.einsum("nk,nk->n", gap, gap)


def _overlap_exceeds(
    points: npt.NDArray[np.float32],
    sigma_px: npt.NDArray[np.float32],
    first: npt.NDArray[np.intp],
    second: npt.NDArray[np.intp],
    overlap: float,
) -> npt.NDArray[np.bool_]:
    """Whether two discs share more than `overlap` of the smaller one's area, (P,) bool."""
    return _exceeds(_overlap_share(points, sigma_px, first, second), overlap)


def _exceeds(share: Share, overlap: float) -> npt.NDArray[np.bool_]:
    return (share > np.float32(overlap)) & ((overlap < 1.0) | (share < np.inf))


def _overlap_share(
    points: npt.NDArray[np.float32],
    sigma_px: npt.NDArray[np.float32],
    first: npt.NDArray[np.intp],
    second: npt.NDArray[np.intp],
) -> Share:
    """The share of the smaller disc's area that two discs have in common, (P,); see `Touching.share`.

    Step by step in the float32 arithmetic that skimage uses on a float32 image (its scalar powers round
    differently by one unit in the last place in one case of a thousand, and up to 1e-4 for a small
    disc at the rim of a large one, where the arc cosine is steep).
    https://mathworld.wolfram.com/Circle-CircleIntersection.html, eq. 14.
    """
    sigma_1, sigma_2 = sigma_px[first], sigma_px[second]
    larger = np.maximum(sigma_1, sigma_2)
    scale = (larger * np.float32(math.sqrt(2)))[:, None]  # the larger disc gets radius 1
    step = points[second] / scale - points[first] / scale
    d = np.sqrt(step[:, 0] * step[:, 0] + step[:, 1] * step[:, 1])
    r1, r2 = sigma_1 / larger, sigma_2 / larger
    apart = d > r1 + r2
    inside = d <= np.abs(r1 - r2)
    d = np.where(inside, np.float32(1), d)  # d may be 0 there
    two = np.float32(2)
    cosine_1 = np.clip((d * d + r1 * r1 - r2 * r2) / (two * d * r1), -1, 1)
    cosine_2 = np.clip((d * d + r2 * r2 - r1 * r1) / (two * d * r2), -1, 1)
    angle_1 = np.arccos(cosine_1.astype(np.float64)).astype(np.float32)
    angle_2 = np.arccos(cosine_2.astype(np.float64)).astype(np.float32)
    heron = np.abs((-d + r2 + r1) * (d - r2 + r1) * (d + r2 - r1) * (d + r2 + r1))
    area = r1 * r1 * angle_1 + r2 * r2 * angle_2 - np.float32(0.5) * np.sqrt(heron)
    smaller = np.minimum(r1, r2)
    share = area / (np.float32(math.pi) * (smaller * smaller))
    share[apart] = -1
    share[inside] = np.inf
    return share.astype(np.float32, copy=False)
