"""skimage's blob_log as an oracle, and which of its decisions hang on rounding.

Two correct float32 computations of a response differ by about 2e-7, so a decision taken on a smaller margin
may fall either way. `NEAR` is that margin with some room; whatever is not that close must agree exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from skimage.feature import blob_log

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs
from paretoscope.core.neighbours import overlaps
from paretoscope.core.scale_space import linear_scales

NEAR = 2e-6

Key = tuple[float, float, float]
Detect = Callable[[np.ndarray, LogParams], Blobs]


def keys(rows: np.ndarray) -> list[Key]:
    return [tuple(row) for row in np.asarray(rows, dtype=np.float32).tolist()]


def blob_keys(blobs: Blobs) -> list[Key]:
    return keys(np.stack([blobs.y_px, blobs.x_px, blobs.sigma_px], axis=1))


def skimage_blobs(image: np.ndarray, params: LogParams) -> np.ndarray:
    """(N, 3) y, x, sigma."""
    return blob_log(
        image, params.sigma_min, params.sigma_max, params.num_sigma, params.threshold, params.overlap
    )


def different_scales(params: LogParams) -> np.ndarray:
    """blob_log computes the same scale num_sigma times where sigma_min == sigma_max: ties without doubt."""
    return np.unique(linear_scales(params))


def cube(image: np.ndarray, params: LogParams) -> np.ndarray:
    """The scale space in double precision, (rows, columns, different scales)."""
    return np.stack(
        [
            -ndimage.gaussian_laplace(image.astype(np.float64), float(s)) * float(s) ** 2
            for s in different_scales(params)
        ],
        axis=-1,
    )


def uncertain_voxels(space: np.ndarray, threshold: float) -> np.ndarray:
    """Voxels that rounding may make a peak or not: (rows, columns, S) bool."""
    ring = np.ones((3, 3, 3), dtype=bool)
    ring[1, 1, 1] = False
    others = ndimage.maximum_filter(space, footprint=ring, mode="constant", cval=-np.inf)
    near_neighbour = np.abs(space - others) < NEAR
    near_threshold = np.abs(space - threshold) < NEAR
    may_be_peak = (space >= others - NEAR) & (space > threshold - NEAR)
    return may_be_peak & (near_neighbour | near_threshold)


def certain_and_uncertain(image: np.ndarray, params: LogParams) -> tuple[set[Key], set[Key]]:
    """Peaks of the scale space before pruning that are beyond doubt, and those that are not."""
    space = cube(image, params)
    scales = different_scales(params)
    doubtful = uncertain_voxels(space, params.threshold)
    if np.ptp(space) < NEAR:
        doubtful |= space > params.threshold - NEAR  # a constant stack, or nearly so
    best = ndimage.maximum_filter(space, size=3, mode="nearest")
    certain = (space == best) & (space > params.threshold) & ~doubtful

    def listed(mask: np.ndarray) -> set[Key]:
        y, x, s = np.nonzero(mask)
        return set(keys(np.stack([y, x, scales[s]], axis=1)))

    return listed(certain), listed(doubtful)


TOO_MANY_DOUBTS = 400
"""skimage walks through all pairs in Python: thousands of doubtful plateau pixels would take it minutes."""


def assert_same_blobs(image: np.ndarray, params: LogParams, detect: Detect) -> int:
    """Compare with blob_log; returns how many blobs were compared.

    Blobs are grouped by mutual overlap (pruning acts inside a group only). Every group without a doubtful
    voxel must agree exactly. Where anything at all is in doubt (a voxel, or the order of two responses within
    NEAR), the numbering of blobs may differ, on which skimage's order of pairs depends; then groups in which
    that order matters, i.e. with a blob that both drops one and is dropped by another, are left out too.
    """
    certain, doubtful = certain_and_uncertain(image, params)
    if len(doubtful) > TOO_MANY_DOUBTS:
        return 0
    mine, theirs = blob_keys(detect(image, params)), keys(skimage_blobs(image, params))
    stray = (set(mine) | set(theirs)) - (certain | doubtful)
    assert not stray, f"blobs that are no peaks: {sorted(stray)[:5]}"
    peaks = np.array(sorted(certain) + sorted(doubtful), dtype=np.float32).reshape(-1, 3)
    if len(peaks) == 0:
        return 0
    space, scale = cube(image, params), np.searchsorted(different_scales(params), peaks[:, 2])
    response = np.sort(space[peaks[:, 0].astype(int), peaks[:, 1].astype(int), scale])
    any_doubt = bool(doubtful) or bool(np.any(np.diff(response) < NEAR))

    group, chained = _overlap_groups(peaks, params.overlap)
    out = np.zeros(group.max() + 1, dtype=bool)
    out[group[len(certain) :]] = True
    if any_doubt:
        out[group[chained]] = True
    clear = {key for key, g in zip(keys(peaks), group, strict=True) if not out[g]}
    clear_of_mine = Counter(key for key in mine if key in clear)
    assert clear_of_mine == Counter(key for key in theirs if key in clear)
    return clear_of_mine.total()


def _overlap_groups(blobs: np.ndarray, overlap: float) -> tuple[np.ndarray, np.ndarray]:
    """Group number of every blob, and whether it may both drop and be dropped."""
    count = len(blobs)
    sigmas, scale = np.unique(blobs[:, 2], return_inverse=True)
    anywhere = np.ones(count, dtype=bool)
    # The arithmetic of skimage, as another test shows.
    pairs = overlaps(blobs[:, 0], blobs[:, 1], scale, sigmas, anywhere, anywhere)
    hit = (np.abs(pairs.share) > np.float32(overlap)) & ((overlap < 1.0) | (pairs.share < np.inf))
    first, second = pairs.first[hit], pairs.second[hit]
    _, group = connected_components(coo_matrix((np.ones(len(first)), (first, second)), (count, count)))
    drops, dropped = np.zeros(count, bool), np.zeros(count, bool)
    equal = blobs[first, 2] == blobs[second, 2]
    larger = np.where(blobs[first, 2] > blobs[second, 2], first, second)
    smaller = np.where(blobs[first, 2] > blobs[second, 2], second, first)
    drops[larger] = dropped[smaller] = True
    for side in (first[equal], second[equal]):
        drops[side] = dropped[side] = True
    return group, drops & dropped
