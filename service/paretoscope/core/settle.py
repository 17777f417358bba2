"""One parameter set in skimage's own order: what is asked for where blobs overlap in chains."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paretoscope.core.candidate_table import CandidateTable
from paretoscope.core.compiled import compiled
from paretoscope.core.judge import conflicts, strongest_peaks
from paretoscope.core.prune import kept_of


def kept_rows(
    table: CandidateTable,
    sigmas: npt.NDArray[np.float32],
    first: int,
    last: int,
    threshold: float,
    overlap: float,
    cap: int,
) -> npt.NDArray[np.int32]:
    """The rows that ``detect_blobs`` would find, strongest first.

    sigmas: (S,) px, the table's scales.  first, last: of these.  cap: most peaks that enter pruning.
    """
    rows, one, other = _tangle(
        table, first, last, np.float32(threshold), np.float32(overlap), overlap >= 1.0, cap
    )
    points = np.column_stack([table.y_px[rows], table.x_px[rows]]).astype(np.float32)
    return rows[kept_of(points, sigmas[table.scale[rows]], one, other)]


@compiled
def _tangle(table, first, last, threshold, overlap, anything, cap):
    """The rows of a parameter set, strongest first, and which places among them overlap too much."""
    rows = np.empty(len(table.response), dtype=np.int32)
    head, took, _ = strongest_peaks(table, first, last, threshold, cap, rows)
    rows = np.sort(rows[:took])
    place, alive = np.empty(head, dtype=np.int32), np.zeros(head, dtype=np.uint64)
    largest = 0
    for index in range(took):
        place[rows[index]], alive[rows[index]] = index, np.uint64(1)
        largest = max(largest, table.scale[rows[index]])
    one, other = np.empty(len(table.first), dtype=np.int32), np.empty(len(table.first), dtype=np.int32)
    where = np.empty(len(table.first), dtype=np.uint64)
    seen = table.beyond[largest]
    met, _ = conflicts(table, first, last, head, overlap, anything, seen, alive, one, other, where)
    for c in range(met):
        i, j = place[one[c]], place[other[c]]
        one[c], other[c] = min(i, j), max(i, j)
    return rows, one[:met], other[:met]
