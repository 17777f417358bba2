"""Which candidates overlap: found once per table, so that a parameter set only looks it up.

Two maxima of a scale space can both be blobs of one range of scales only if

    the higher one   tops the scale below it    (the lower one's scale, or one between, is in the range)
    the lower one    tops the scale above it

or if both lie on the same scale. That leaves about one pair in five of those that are near enough.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from paretoscope.core.compiled import compiled

MOST_PAIRS = 6_000_000
"""Of one table: 72 MB. Images of atoms, and noise, have about one pair per candidate."""
LOOKS_PER_PAIR = 16
"""So many times `MOST_PAIRS` distances are taken at most."""

_TILE_PX = 32
"""Rows are walked tile by tile, so that what is looked up next is at hand: three times as fast."""
_SAME_SCALE, _LOWER_SCALES = 0, 1
_PI, _ROOT_2 = np.float32(math.pi), np.float32(math.sqrt(2))
_ONE, _TWO, _HALF = np.float32(1), np.float32(2), np.float32(0.5)


@dataclass(frozen=True)
class Overlaps:
    """Columns of equal length (P): pairs of rows whose discs of radius sqrt(2) sigma have area in common."""

    first: npt.NDArray[np.int32]
    """The stronger row."""
    second: npt.NDArray[np.int32]
    share: npt.NDArray[np.float32]
    """Share of the smaller disc's area; infinite where it lies inside the larger one. Negative (minus the
    share) where the centres are so far apart that skimage sees the pair only if a larger blob is about."""
    rows: int
    """Complete among the first so many rows: all of them, unless there were too many pairs."""
    looked_at: int
    """Distances taken: what the table cost."""

    def __len__(self) -> int:
        return len(self.first)


def overlaps(
    y_px: npt.NDArray,
    x_px: npt.NDArray,
    scale: npt.NDArray,
    sigmas: npt.NDArray[np.float32],
    tops_below: npt.NDArray[np.bool_],
    tops_above: npt.NDArray[np.bool_],
    most: int = MOST_PAIRS,
) -> Overlaps:
    """Every pair that can meet, in no particular order.

    y_px, x_px, scale: (N,) integers, strongest first.  sigmas: (S,) px, rising.
    most: where there are more pairs, the weaker half of the rows is left out, and again.
    """
    rows, looked_at = len(y_px), 0
    reach = math.sqrt(2) * (1 + 1e-5) * sigmas.astype(np.float64)
    octave = np.floor(np.log2(reach / reach[0] * (1 + 1e-6))).astype(np.int64)
    beyond = np.array([search_distance_px(sigma) for sigma in sigmas]) ** 2
    while True:
        y, x = (np.asarray(place[:rows], dtype=np.int32) for place in (y_px, x_px))
        corner = (int(y.min()), int(x.min())) if rows else (0, 0)
        tile = (y - corner[0]) // _TILE_PX * 4096 + (x - corner[1]) // _TILE_PX
        order = np.argsort(tile.astype(np.int32), kind="stable").astype(np.int32)
        first, second, share, looks, complete = _walk(
            order, y[order], x[order], scale[:rows][order].astype(np.int32), tops_below[:rows][order],
            tops_above[:rows][order], sigmas, reach, octave, beyond, corner, most, most * LOOKS_PER_PAIR,
        )  # fmt: skip
        looked_at += looks
        if complete:
            return Overlaps(first, second, share, rows, looked_at)
        rows //= 2


def search_distance_px(sigma_px: np.float32) -> float:
    """How far skimage looks for pairs, px: twice the largest radius, rounded to float32."""
    return float(2 * sigma_px * math.sqrt(2))


@compiled
def _walk(order, y, x, scale, below, above, sigmas, reach, octave, beyond, corner, most, most_looks):
    """Two kinds of grids of squares hold the rows, and each row looks for partners in those near it:

    _SAME_SCALE     one per scale, all rows                         the rows before it
    _LOWER_SCALES   one per octave, rows that top the scale above   those of lower scale, if it tops that
    """
    count, scales, octaves = len(y), len(sigmas), octave[-1] + 1
    height, width = 1, 1
    for j in range(count):
        height, width = max(height, y[j] - corner[0] + 1), max(width, x[j] - corner[1] + 1)
    grids = scales + octaves
    radius = np.zeros(grids)
    for s in range(scales):
        radius[s] = reach[s]
        radius[scales + octave[s]] = reach[s]
    # Squares as wide as the largest disc of their grid hold one or two rows each, wherever the image has
    # structure on that scale. `chain` links the rows in a square.
    per_px, across = np.empty(grids), np.empty(grids, dtype=np.int64)
    begin = np.zeros(grids + 1, dtype=np.int64)
    for g in range(grids):
        per_px[g] = 1 / max(2 * radius[g], 2.0)
        across[g] = int((width - 1) * per_px[g]) + 1
        begin[g + 1] = begin[g] + across[g] * (int((height - 1) * per_px[g]) + 1)
    newest = np.full(begin[grids], -1, dtype=np.int32)
    chain = np.empty((2, count), dtype=np.int32)
    for j in range(count):
        for kind in range(2):
            if kind == _SAME_SCALE or above[j]:
                g = scale[j] if kind == _SAME_SCALE else scales + octave[scale[j]]
                row, column = int((y[j] - corner[0]) * per_px[g]), int((x[j] - corner[1]) * per_px[g])
                square = begin[g] + row * across[g] + column
                chain[kind, j] = newest[square]
                newest[square] = j

    room = max(min(2 * count, most), 16)
    first, second = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
    share = np.empty(room, dtype=np.float32)
    found = looked_at = 0
    for j in range(count):
        s, down, along = scale[j], y[j] - corner[0], x[j] - corner[1]
        last = scales + octave[s] if below[j] else s
        for g in range(s, last + 1):
            if s < g < scales:
                continue
            kind = _SAME_SCALE if g == s else _LOWER_SCALES
            around = reach[s] + radius[g]
            bottom = int(min(down + around, height - 1) * per_px[g])
            right = int(min(along + around, width - 1) * per_px[g])
            for row in range(int(max(down - around, 0.0) * per_px[g]), bottom + 1):
                for column in range(int(max(along - around, 0.0) * per_px[g]), right + 1):
                    following = newest[begin[g] + row * across[g] + column]
                    while following >= 0:
                        i = following
                        following = chain[kind, i]
                        t = scale[i]
                        if (kind == _SAME_SCALE and i >= j) or (kind == _LOWER_SCALES and t >= s):
                            continue
                        looked_at += 1
                        squared = float((y[i] - y[j]) ** 2 + (x[i] - x[j]) ** 2)
                        if squared > (reach[s] + reach[t]) ** 2:
                            continue
                        a, b = (i, j) if order[i] < order[j] else (j, i)  # rounding depends on who is first
                        shared = overlap_share(y[a], x[a], sigmas[scale[a]], y[b], x[b], sigmas[scale[b]])
                        if not shared > 0:
                            continue
                        if found == len(first):
                            first, second, share = _longer(first), _longer(second), _longer(share)
                        first[found], second[found] = order[a], order[b]
                        share[found] = -shared if squared > beyond[s] else shared
                        found += 1
        if found > most or looked_at > most_looks:
            return first[:0], second[:0], share[:0], looked_at, False
    return first[:found], second[:found], share[:found], looked_at, True


@compiled
def _longer(column: Any) -> Any:
    longer = np.empty(2 * len(column), dtype=column.dtype)
    longer[: len(column)] = column
    return longer


@compiled
def overlap_share(y_1, x_1, sigma_1, y_2, x_2, sigma_2):
    """The share of the smaller disc's area that two discs have in common; infinite: inside, -1: apart.

    All float32, step by step as skimage reckons on a float32 image (its scalar powers round differently by
    one unit in the last place in one case of a thousand, and up to 1e-4 for a small disc at the rim of a
    large one, where the arc cosine is steep).
    https://mathworld.wolfram.com/Circle-CircleIntersection.html, eq. 14.
    """
    larger = max(sigma_1, sigma_2)
    unit = larger * _ROOT_2  # the larger disc gets radius 1
    down = np.float32(y_2) / unit - np.float32(y_1) / unit
    along = np.float32(x_2) / unit - np.float32(x_1) / unit
    d = np.sqrt(down * down + along * along)
    r1, r2 = sigma_1 / larger, sigma_2 / larger
    if d > r1 + r2:
        return np.float32(-1)
    if d <= abs(r1 - r2):
        return np.float32(np.inf)
    cosine_1 = min(max((d * d + r1 * r1 - r2 * r2) / (_TWO * d * r1), -_ONE), _ONE)
    cosine_2 = min(max((d * d + r2 * r2 - r1 * r1) / (_TWO * d * r2), -_ONE), _ONE)
    angle_1 = np.float32(math.acos(np.float64(cosine_1)))
    angle_2 = np.float32(math.acos(np.float64(cosine_2)))
    heron = abs((-d + r2 + r1) * (d - r2 + r1) * (d + r2 - r1) * (d + r2 + r1))
    area = r1 * r1 * angle_1 + r2 * r2 * angle_2 - _HALF * np.sqrt(heron)
    smaller = min(r1, r2)
    return np.float32(area / (_PI * (smaller * smaller)))
