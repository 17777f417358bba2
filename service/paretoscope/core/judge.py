"""Many parameter sets in many windows, judged in one walk each.

A row's windows are the bits of one integer: what two rows do to each other happens in the windows that hold
both, so one walk over a frame's lists prunes and counts in all its windows at once, each as if it were alone.

    alive    peaks of the range above the threshold            bit w: in window w
    loses    overlaps a better one by more than is allowed     bit w: both are in window w
    gone     and that one loses to nobody                      so this one goes, in whatever order
    close    stays, and so does another one too near

What loses to nobody stays. Where something is neither sure to stay nor to go, the order of pairs decides.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from paretoscope.core.candidate_table import CandidateTable, groups_of, in_range
from paretoscope.core.compiled import compiled

MOST_VIEWS = 64
_FOUND, _LEAST, _MOST, _CLOSE, _ATOMS = range(5)
_NONE, _ONE = np.uint64(0), np.uint64(1)


class Views(NamedTuple):
    """Up to `MOST_VIEWS` windows of one table. W windows, C cells: places that the same windows hold."""

    member: npt.NDArray[np.uint64]
    """(N,) bit w: window w holds this row."""
    cell: npt.NDArray[np.int32]
    """(N,) the row's cell."""
    held: npt.NDArray[np.uint64]
    """(C,) `member` of a cell's rows."""
    counted: npt.NDArray[np.bool_]
    """(N,) whether the row belongs to N_found where it is an atom."""
    n_expected: npt.NDArray[np.float64]
    """(W,)"""
    minimum_distance_px: float
    """Atoms nearer to each other count in ER."""


class Judged(NamedTuple):
    """(sets, W) each, but for `capped`."""

    found: npt.NDArray[np.int32]
    """Counted atoms."""
    least: npt.NDArray[np.int32]
    """Counted atoms that stay in whatever order pairs are resolved ..."""
    most: npt.NDArray[np.int32]
    """... and that may stay."""
    close: npt.NDArray[np.int32]
    """Counted atoms with another too near; -1 where QC is not worth it."""
    atoms: npt.NDArray[np.int32]
    """All, counted or not."""
    total: npt.NDArray[np.float64]
    """Their responses, summed."""
    squares: npt.NDArray[np.float64]
    """Their squared responses, summed."""
    exact: npt.NDArray[np.bool_]
    """Whether no order of pairs could change anything."""
    capped: npt.NDArray[np.bool_]
    """(sets,) whether there were more peaks than the cap or the table allows: the weakest were left out."""


def judge(
    table: CandidateTable,
    views: Views,
    first: npt.NDArray[np.int32],
    last: npt.NDArray[np.int32],
    threshold: npt.NDArray[np.float64],
    overlap: npt.NDArray[np.float64],
    cap: int,
    worth: float = 1.0,
) -> Judged:
    """Score every set of parameters in every window.

    first, last, threshold, overlap: (sets,), see `ParameterSets`.  cap: most peaks that enter pruning.
    worth: ER is looked for where QC is below this.
    Where `exact` is False chains are resolved in the order of the table.
    """
    shape = (len(first), len(views.n_expected))
    counts, sums = np.zeros((5, *shape), dtype=np.int32), np.zeros((2, *shape))
    exact, capped = np.ones(shape, dtype=bool), np.zeros(len(first), dtype=bool)
    limits = threshold.astype(np.float32), overlap.astype(np.float32), overlap >= 1.0
    scales = np.ascontiguousarray(first), np.ascontiguousarray(last)
    _judge_all(table, views, *scales, *limits, cap, float(worth), counts, sums, exact, capped)
    found, least, most, close, atoms = counts
    return Judged(found, least, most, close, atoms, sums[0], sums[1], exact, capped)


def whole(count: int, counted: npt.NDArray[np.bool_], n_expected: float, minimum_distance_px: float) -> Views:
    """One window that holds all of `count` rows."""
    ones, nought = np.ones(count, dtype=np.uint64), np.zeros(count, dtype=np.int32)
    held = np.ones(1, dtype=np.uint64)
    return Views(ones, nought, held, counted, np.array([float(n_expected)]), float(minimum_distance_px))


@compiled
def head_of(response, threshold):
    """How many of the falling responses are above `threshold`."""
    low, high = 0, len(response)
    while low < high:
        middle = (low + high) // 2
        if response[middle] > threshold:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def peaks(table, first, last, head, rows):
    """Write the rows before `head` that are peaks of the scales first..last into `rows`, list by list."""
    count = 0
    if table.constant[first, last]:
        return 0
    for index in range(len(table.list_begin) - 1):
        if in_range(index, first, last, len(table.beyond)):
            for row in table.listed[table.list_begin[index] : table.list_begin[index + 1]]:
                if row >= head:
                    break
                rows[count] = row
                count += 1
    return count


@compiled
def strongest_peaks(table, first, last, threshold, cap, rows):
    """The same above a threshold, at most `cap` of them: the head they lie in, how many, and whether others
    were left out."""
    above = head_of(table.response, threshold)
    head = min(above, table.rows_known)
    took = peaks(table, first, last, head, rows)
    if took > cap:
        head = np.int64(np.sort(rows[:took])[cap])
        took = peaks(table, first, last, head, rows)
    return head, took, head < above


@compiled
def conflicts(table, first, last, head, overlap, anything, seen, alive, loser, winner, where):
    """Write the pairs that share more than `overlap`, each with the windows it counts in (`where`).

    anything: overlap is 1, which allows even a disc inside another.  seen: squared distance up to which
    skimage sees pairs, which depends on the largest blob about; negative: not known.  Returns how many there
    are, and the windows with discs that touch so narrowly that this would have to be known.
    """
    count, doubt = 0, _NONE
    for group in groups_of(first, last, len(table.beyond)):
        if group < 0:
            continue
        for p in range(table.group_begin[group], table.group_begin[group + 1]):
            i, j, share = table.first[p], table.second[p], table.share[p]
            if j >= head:
                break
            both = alive[i] & alive[j]
            if both == _NONE or abs(share) <= overlap or (anything and share == np.inf):
                continue
            if share < 0:
                apart = (table.y_px[i] - table.y_px[j]) ** 2 + (table.x_px[i] - table.x_px[j]) ** 2
                if seen < 0:
                    doubt |= both
                if apart > seen:
                    continue
            # The smaller one goes; of two equal ones skimage drops the earlier, which is the stronger.
            one_wins = table.scale[i] > table.scale[j]
            loser[count], winner[count] = (j, i) if one_wins else (i, j)
            where[count] = both
            count += 1
    return count, doubt


@compiled
def _judge_all(
    table, views, first, last, threshold, overlap, anything, cap, worth, counts, sums, exact, capped
):  # fmt: skip
    count, pairs, windows = len(table.response), len(table.first), len(views.n_expected)
    alive, loses = np.zeros(count, dtype=np.uint64), np.zeros(count, dtype=np.uint64)
    gone, rows = np.zeros(count, dtype=np.uint64), np.empty(count, dtype=np.int32)
    loser, winner = np.empty(pairs, dtype=np.int32), np.empty(pairs, dtype=np.int32)
    where = np.empty(pairs, dtype=np.uint64)
    per_cell, per_window = np.zeros((len(views.held), 4)), np.zeros((windows, 4))
    newest, place = _empty_squares(table, views)
    chain = np.empty(count, dtype=np.int32)
    for k in range(len(first)):
        head, took, capped[k] = strongest_peaks(table, first[k], last[k], threshold[k], cap, rows)
        mine = rows[:took]
        for row in mine:
            alive[row] = views.member[row]
        met, doubt = conflicts(
            table, first[k], last[k], head, overlap[k], anything[k], -1.0, alive, loser, winner, where
        )
        for c in range(met):
            loses[loser[c]] |= where[c]
        for c in range(met):
            gone[loser[c]] |= where[c] & ~loses[winner[c]]
        unsure = doubt
        for row in mine:
            unsure |= loses[row] & ~gone[row]
        if unsure == _NONE:
            for row in mine:
                alive[row] &= ~loses[row]
        else:
            for row in mine:
                loses[row] = alive[row] & ~loses[row]  # from here on: stays ...
                gone[row] = alive[row] & ~gone[row]  # ... and may stay
            _tally(table, views, mine, loses, per_cell, per_window)
            for w in range(windows):
                counts[_LEAST, k, w] = per_window[w, 0]
            _tally(table, views, mine, gone, per_cell, per_window)
            for w in range(windows):
                counts[_MOST, k, w] = per_window[w, 0]
            for c in range(met):
                alive[loser[c]] &= ~(where[c] & alive[winner[c]])
        _tally(table, views, mine, alive, per_cell, per_window)
        wanted = _NONE
        for w in range(windows):
            found, expected, bit = per_window[w, 0], views.n_expected[w], _ONE << np.uint64(w)
            counts[_FOUND, k, w], counts[_ATOMS, k, w] = found, per_window[w, 1]
            sums[0, k, w], sums[1, k, w] = per_window[w, 2], per_window[w, 3]
            exact[k, w] = (unsure & bit) == _NONE
            if exact[k, w]:
                counts[_LEAST, k, w] = counts[_MOST, k, w] = found
            elif (doubt & bit) != _NONE:
                counts[_LEAST, k, w], counts[_MOST, k, w] = 0, took
            counts[_CLOSE, k, w] = -1
            if found > 0 and abs(found - expected) < worth * expected:
                wanted |= bit
        if wanted != _NONE:
            _find_close(table, views, mine, alive, wanted, newest, place, chain, loses)
            _tally(table, views, mine, loses, per_cell, per_window)
            for w in range(windows):
                if (wanted & (_ONE << np.uint64(w))) != _NONE:
                    counts[_CLOSE, k, w] = per_window[w, 0]
        for row in mine:
            alive[row] = loses[row] = gone[row] = _NONE


@compiled
def _tally(table, views, rows, bits, per_cell, per_window):
    """Per window: counted rows, all rows, responses and their squares, of the rows that have its bit."""
    per_window[:] = 0.0
    per_cell[:] = 0.0
    for row in rows:
        mine, response, cell = bits[row], np.float64(table.response[row]), views.cell[row]
        if mine == _NONE:
            continue
        counted = 1.0 if views.counted[row] else 0.0
        if mine == views.held[cell]:
            per_cell[cell, 0] += counted
            per_cell[cell, 1] += 1.0
            per_cell[cell, 2] += response
            per_cell[cell, 3] += response * response
            continue
        for w in range(len(per_window)):
            if (mine & (_ONE << np.uint64(w))) != _NONE:
                per_window[w, 0] += counted
                per_window[w, 1] += 1.0
                per_window[w, 2] += response
                per_window[w, 3] += response * response
    for cell in range(len(per_cell)):
        if per_cell[cell, 1] > 0.0:
            for w in range(len(per_window)):
                if (views.held[cell] & (_ONE << np.uint64(w))) != _NONE:
                    for column in range(4):
                        per_window[w, column] += per_cell[cell, column]


@compiled
def _empty_squares(table, views):
    """Squares as wide as atoms must be apart, one more all round, -1: nobody there; and where they lie."""
    per_px = 1.0 / max(views.minimum_distance_px, 1.0)
    if len(table.response) == 0:
        return np.full(1, -1, dtype=np.int32), (np.int32(0), np.int32(0), per_px, 1)
    top, left = table.y_px.min(), table.x_px.min()
    down = int((table.y_px.max() - top) * per_px) + 3
    across = int((table.x_px.max() - left) * per_px) + 3
    return np.full(down * across, -1, dtype=np.int32), (top, left, per_px, across)


@compiled
def _square(table, row, place):
    top, left, per_px, across = place
    return (int((table.y_px[row] - top) * per_px) + 1) * across + int((table.x_px[row] - left) * per_px) + 1


@compiled
def _find_close(table, views, rows, alive, wanted, newest, place, chain, close):
    """Set in `close` the wanted windows in which a row has another one too near, both being there."""
    nearer, across = views.minimum_distance_px**2, place[3]
    for row in rows:
        if (alive[row] & wanted) != _NONE:
            square = _square(table, row, place)
            chain[row] = newest[square]
            newest[square] = row
    for row in rows:
        mine, met = alive[row] & wanted, _NONE
        if mine != _NONE:
            middle = _square(table, row, place)
            for corner in (middle - across, middle, middle + across):
                for square in range(corner - 1, corner + 2):
                    other = newest[square]
                    while other >= 0 and met != mine:
                        down, along = table.y_px[row] - table.y_px[other], table.x_px[row] - table.x_px[other]
                        if other != row and float(down * down + along * along) < nearer:
                            met |= mine & alive[other]
                        other = chain[other]
        close[row] = met
    for row in rows:
        if (alive[row] & wanted) != _NONE:
            newest[_square(table, row, place)] = -1


@compiled
def tally_of(table, views, rows):
    """Of rows that stay in the one window: counted, close, all, responses and their squares summed."""
    alive, close = (
        np.zeros(len(table.response), dtype=np.uint64),
        np.zeros(len(table.response), dtype=np.uint64),
    )
    alive[rows] = _ONE
    per_cell, per_window = np.zeros((1, 4)), np.zeros((1, 4))
    newest, place = _empty_squares(table, views)
    chain = np.empty(len(table.response), dtype=np.int32)
    _find_close(table, views, rows, alive, _ONE, newest, place, chain, close)
    _tally(table, views, rows, close, per_cell, per_window)
    near = per_window[0, 0]
    _tally(table, views, rows, alive, per_cell, per_window)
    return per_window[0, 0], near, per_window[0, 1], per_window[0, 2], per_window[0, 3]
