"""In which order Python walks through a set of index pairs, without making one.

skimage prunes blobs in the order of the set that ``KDTree.query_pairs`` returns, so where blobs overlap in
chains this order is part of what blob_log finds. The set's layout follows from the pairs' hashes and the
order in which they came (CPython 3.11, Objects/setobject.c and tupleobject.c): laid out here in an array, it
costs a fifth of the set and its tuples. Another Python may do otherwise; `python_order` then makes the set.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from paretoscope.core.compiled import compiled

_PRIME_1, _PRIME_2, _PRIME_5 = (
    np.uint64(prime) for prime in (11400714785074694791, 14029467366897019727, 2870177450012600261)
)
_LENGTH = np.uint64(2 ^ (2870177450012600261 ^ 3527539))
_LINEAR_PROBES = 9
_SMALLEST = 8
_MANY = 50_000
_EMPTY = -1


@compiled
def _hash(i, j):
    """Of the tuple (i, j) of small integers."""
    total = _PRIME_5
    for lane in (np.uint64(i), np.uint64(j)):
        total += lane * _PRIME_2
        total = (total << np.uint64(31)) | (total >> np.uint64(33))
        total *= _PRIME_1
    return total + _LENGTH


@compiled
def _insert(table, hashes, index):
    mask = np.uint64(len(table) - 1)
    perturb, place = hashes[index], hashes[index] & mask
    while True:
        probes = _LINEAR_PROBES if place + np.uint64(_LINEAR_PROBES) <= mask else 0
        for step in range(probes + 1):
            if table[np.int64(place) + step] == _EMPTY:
                table[np.int64(place) + step] = index
                return
        perturb >>= np.uint64(5)
        place = (place * np.uint64(5) + np.uint64(1) + perturb) & mask


@compiled
def set_order(pairs):
    """The order of ``list({(i, j), ...})``, pairs (n, 2) added one after the other, all different: (n,)."""
    count = len(pairs)
    hashes = np.empty(count, dtype=np.uint64)
    table = np.full(_SMALLEST, _EMPTY, dtype=np.int32)
    for index in range(count):
        hashes[index] = _hash(pairs[index, 0], pairs[index, 1])
        _insert(table, hashes, index)
        used = index + 1
        if used * 5 >= (len(table) - 1) * 3:
            wanted, size = used * 2 if used > _MANY else used * 4, _SMALLEST
            while size <= wanted:
                size *= 2
            larger = np.full(size, _EMPTY, dtype=np.int32)
            for entry in table:
                if entry != _EMPTY:
                    _insert(larger, hashes, entry)
            table = larger
    return table[table != _EMPTY]


@lru_cache(maxsize=1)
def same_as_pythons() -> bool:
    """Whether this interpreter lays out sets as `set_order` believes; asked once, takes a millisecond."""
    pairs = np.random.default_rng(0).permutation(40_000)[:3000]
    pairs = np.column_stack([pairs // 200, pairs % 200 + 200]).astype(np.int64)
    wanted: set[tuple[int, int]] = set()
    for pair in pairs.tolist():
        wanted.add((pair[0], pair[1]))
    return [tuple(pair) for pair in pairs[set_order(pairs)].tolist()] == list(wanted)


def python_order(pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The pairs (n, 2), all different, in the order in which a set of them is walked through."""
    if same_as_pythons():
        return pairs[set_order(pairs)]
    laid_out: set[tuple[int, int]] = set()
    for pair in pairs.tolist():
        laid_out.add((pair[0], pair[1]))
    return np.array(list(laid_out), dtype=np.int64).reshape(-1, 2)
