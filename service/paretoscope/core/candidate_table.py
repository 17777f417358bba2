"""The candidates of an image laid out for scoring: a parameter set is a walk over short lists.

Whether a maximum is a peak of the stack cut to scales first..last depends on where it lies in that range:

    kind                      peak of a range first < last if     of a range of one scale
    BOTH   tops both sides    first <= scale <= last              always
    ABOVE  tops the one above scale == first                      always
    BELOW  tops the one below scale == last                       always
    ALONE  tops neither       never                               always

So each kind and scale has its list of rows, strongest first, and each way in which two rows can both be peaks
has its list of overlapping pairs, by the weaker row. A threshold cuts every list off after a head.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paretoscope.core.compiled import compiled
from paretoscope.core.neighbours import MOST_PAIRS, overlaps, search_distance_px
from paretoscope.core.peaks import SpatialMaxima

BOTH, ABOVE, BELOW, ALONE = 0, 1, 2, 3


class CandidateTable(NamedTuple):
    """Columns for compiled loops. N rows strongest first, S scales, P pairs."""

    y_px: npt.NDArray[np.int32]
    x_px: npt.NDArray[np.int32]
    scale: npt.NDArray[np.int32]
    response: npt.NDArray[np.float32]
    """(N,) falling."""
    constant: npt.NDArray[np.bool_]
    """(S, S): the stack from the first to the last scale has one value everywhere, and so no peaks."""
    list_begin: npt.NDArray[np.int64]
    """(4 S + 1,): where the list of kind k and scale s begins, at k S + s."""
    listed: npt.NDArray[np.int32]
    """(N,) rows, list by list."""
    sum_before: npt.NDArray[np.float64]
    """(N + 1,) responses in `listed` before each place, summed."""
    square_before: npt.NDArray[np.float64]
    """(N + 1,) their squares, summed."""
    group_begin: npt.NDArray[np.int64]
    """Where each group of pairs begins, see `groups_of`."""
    first: npt.NDArray[np.int32]
    """(P,) the stronger row; pairs in groups, by the weaker row."""
    second: npt.NDArray[np.int32]
    share: npt.NDArray[np.float32]
    """See `neighbours.Overlaps`."""
    beyond: npt.NDArray[np.float64]
    """(S,) how far skimage looks for pairs when this is the largest scale about, squared, px."""
    rows_known: int
    """Rows whose pairs are all here; a set that asks for more is cut off there and reported as capped."""


def make_table(
    maxima: SpatialMaxima, sigmas: npt.NDArray[np.float32], most_pairs: int = MOST_PAIRS
) -> CandidateTable:
    """sigmas: (S,) px, the scales of `maxima`."""
    scales, count = len(sigmas), len(maxima)
    below, above = maxima.tops_below, maxima.tops_above
    kind = np.where(below, np.where(above, BOTH, BELOW), np.where(above, ABOVE, ALONE))
    place = kind * scales + maxima.scale
    listed = np.argsort(place.astype(np.int16), kind="stable").astype(np.int32)
    response = maxima.response[listed].astype(np.float64)
    pairs = overlaps(maxima.y_px, maxima.x_px, maxima.scale, sigmas, below, above, most_pairs)
    begin, source = _grouped(pairs.first, pairs.second, maxima.scale, kind.astype(np.int32), scales, count)
    return CandidateTable(
        # As the loops were compiled for them: another layout would compile them anew, in somebody's deadline.
        np.ascontiguousarray(maxima.y_px, dtype=np.int32),
        np.ascontiguousarray(maxima.x_px, dtype=np.int32),
        np.ascontiguousarray(maxima.scale, dtype=np.int32),
        np.ascontiguousarray(maxima.response, dtype=np.float32),
        _constant_ranges(maxima),
        np.concatenate([[0], np.cumsum(np.bincount(place, minlength=4 * scales))]).astype(np.int64),
        listed,
        np.concatenate([[0.0], np.cumsum(response)]),
        np.concatenate([[0.0], np.cumsum(response * response)]),
        begin,
        pairs.first[source],
        pairs.second[source],
        pairs.share[source],
        np.array([search_distance_px(sigma) for sigma in sigmas]) ** 2,
        pairs.rows,
    )


def _constant_ranges(maxima: SpatialMaxima) -> npt.NDArray[np.bool_]:
    scales = len(maxima.lowest)
    constant = np.zeros((scales, scales), dtype=bool)
    for first in range(scales):
        lowest = np.minimum.accumulate(maxima.lowest[first:])
        constant[first, first:] = lowest == np.maximum.accumulate(maxima.highest[first:])
    if maxima.shape == (1, 1):
        np.fill_diagonal(constant, False)  # one voxel is its own peak
    return constant


def listed_within(table: CandidateTable, member: npt.NDArray[np.uint64], window: int) -> CandidateTable:
    """The same table with only one window's rows in its lists: for counting them.

    member: (N,) bit w: window w holds the row.
    """
    begin, listed, total, squares = _within(table, member, np.uint64(1 << window))
    return table._replace(list_begin=begin, listed=listed, sum_before=total, square_before=squares)


@compiled
def _within(table, member, bit):
    begin, listed = np.zeros_like(table.list_begin), np.empty_like(table.listed)
    total, squares = np.zeros(len(listed) + 1), np.zeros(len(listed) + 1)
    count = 0
    for index in range(len(begin) - 1):
        for row in table.listed[table.list_begin[index] : table.list_begin[index + 1]]:
            if (member[row] & bit) != 0:
                response = np.float64(table.response[row])
                listed[count] = row
                total[count + 1] = total[count] + response
                squares[count + 1] = squares[count] + response * response
                count += 1
        begin[index + 1] = count
    return begin, listed[:count], total[: count + 1], squares[: count + 1]


@compiled
def in_range(index, first, last, scales):
    """Whether the rows of list `index` (kind S + scale) are peaks of the range first..last."""
    kind, s = index // scales, index % scales
    if first == last:
        return s == first
    return (
        (kind == BOTH and first <= s <= last)
        or (kind == ABOVE and s == first)
        or (kind == BELOW and s == last)
    )


@compiled
def groups_of(first, last, scales):
    """The groups of pairs that the range first..last looks through: four, or one twice over.

    0                       BOTH with BOTH
    1 + f                   ABOVE of scale f with each other and with BOTH
    1 + S + l               BELOW of scale l with each other and with BOTH
    1 + 2 S + f S + l       ABOVE of scale f with BELOW of scale l > f
    1 + 2 S + S S + s       all of scale s
    """
    if first == last:
        return (1 + 2 * scales + scales * scales + first, -1, -1, -1)
    return (0, 1 + first, 1 + scales + last, 1 + 2 * scales + first * scales + last)


@compiled
def _group(s, kind_s, t, kind_t, scales):
    """The group of a pair that can meet, for ranges of more than one scale; -1: it cannot there. s <= t."""
    above, below = kind_s == ABOVE or kind_t == ABOVE, kind_s == BELOW or kind_t == BELOW
    if kind_s == ALONE or kind_t == ALONE or (above and below and s == t):
        return -1
    if above and below:
        return 1 + 2 * scales + s * scales + t
    return 1 + s if above else 1 + scales + t if below else 0


@compiled
def _grouped(first, second, scale, kind, scales, count):
    """Where each group begins, and which pair each of its entries is, by rising second."""
    groups = 1 + 3 * scales + scales * scales
    by_second = _counting_sort(second, count)
    # Of one scale each pair has two entries: for ranges of that scale alone, and for longer ones.
    group = np.empty(2 * len(first), dtype=np.int32)
    source = np.empty(2 * len(first), dtype=np.int32)
    entries = 0
    for p in by_second:
        i, j = first[p], second[p]
        if scale[i] > scale[j]:
            i, j = j, i
        if scale[i] == scale[j]:
            group[entries], source[entries] = 1 + 2 * scales + scales * scales + scale[i], p
            entries += 1
        longer = _group(scale[i], kind[i], scale[j], kind[j], scales)
        if longer >= 0:
            group[entries], source[entries] = longer, p
            entries += 1
    begin = np.zeros(groups + 1, dtype=np.int64)
    for e in range(entries):
        begin[group[e] + 1] += 1
    return np.cumsum(begin), source[_counting_sort(group[:entries], groups)]


@compiled
def _counting_sort(key, keys):
    """The stable order of rising keys in 0..keys - 1."""
    place = np.zeros(keys + 1, dtype=np.int64)
    for k in key:
        place[k + 1] += 1
    place = np.cumsum(place)
    order = np.empty(len(key), dtype=np.int32)
    for index in range(len(key)):
        order[place[key[index]]] = index
        place[key[index]] += 1
    return order
