"""Which candidates overlap, and in which order skimage meets them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.core import set_order
from paretoscope.core.neighbours import overlap_share, overlaps


def table(count: int, side: int, scales: int, seed: int):
    rng = np.random.default_rng(seed)
    y, x = rng.integers(0, side, (2, count)).astype(np.int32)
    sigmas = np.linspace(0.6, 0.6 + 8 * rng.random() + 0.1, scales, dtype=np.float32)
    below, above = rng.random((2, count)) < 0.6
    return y, x, rng.integers(0, scales, count).astype(np.int32), sigmas, below, above


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 70), st.integers(1, 90), st.integers(1, 6), st.integers(0, 10_000))
def test_the_pairs_are_those_of_a_full_search(count, side, scales, seed):
    y, x, scale, sigmas, below, above = table(count, side, scales, seed)
    pairs = overlaps(y, x, scale, sigmas, below, above)
    wanted = {}
    for i in range(count):
        for j in range(i + 1, count):
            share = overlap_share(y[i], x[i], sigmas[scale[i]], y[j], x[j], sigmas[scale[j]])
            low, high = (i, j) if scale[i] <= scale[j] else (j, i)
            may_meet = scale[i] == scale[j] or (above[low] and below[high])
            if may_meet and share > 0:
                wanted[i, j] = share
    found = zip(pairs.first.tolist(), pairs.second.tolist(), np.abs(pairs.share).tolist(), strict=True)
    assert {(i, j): share for i, j, share in found} == wanted
    assert len(pairs) == len(wanted)


def test_what_discs_share_only_by_rounding_is_marked():
    y, x = np.array([0, 5], dtype=np.int32), np.array([0, 5], dtype=np.int32)
    marked = 0
    for step in range(200):
        sigmas = np.array([2.5 + step * 1e-6], dtype=np.float32)  # touch in one point: 2 sqrt(2) sigma
        both = np.ones(2, dtype=bool)
        pairs = overlaps(y, x, np.zeros(2, dtype=np.int32), sigmas, both, both)
        near = float(2 * sigmas[0] * np.sqrt(2)) ** 2 >= 50.0
        assert all((share > 0) == near for share in pairs.share)
        marked += len(pairs)
    assert marked > 100


def test_too_many_pairs_leave_out_the_weaker_rows_and_cost_no_more_than_a_bound():
    y, x, scale, sigmas, below, above = table(15_000, 128, 16, 0)
    free = overlaps(y, x, scale, sigmas, below, above)
    assert free.rows == 15_000
    most = len(free) // 10
    bounded = overlaps(y, x, scale, sigmas, below, above, most=most)
    assert len(bounded) <= most
    assert 1000 < bounded.rows < 15_000
    assert bounded.looked_at < free.looked_at
    among = (free.first < bounded.rows) & (free.second < bounded.rows)
    assert np.count_nonzero(among) == len(bounded)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 5000)), unique=True, max_size=400))
def test_the_order_of_pairs_is_that_of_a_set(pairs):
    laid_out: set[tuple[int, int]] = set()
    for pair in pairs:
        laid_out.add(pair)
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    assert [tuple(pair) for pair in set_order.python_order(columns).tolist()] == list(laid_out)


@pytest.mark.parametrize("count", [5, 19, 20, 77, 5000, 80_000])
def test_the_order_follows_the_set_as_it_grows(count):
    index = np.random.default_rng(count).permutation(4 * count)[:count]
    pairs = np.column_stack([index // 300, index % 300 + 2000]).astype(np.int64)
    laid_out: set[tuple[int, int]] = set()
    for pair in pairs.tolist():
        laid_out.add((pair[0], pair[1]))
    assert set_order.same_as_pythons()
    assert [tuple(pair) for pair in pairs[set_order.set_order(pairs)].tolist()] == list(laid_out)


def test_an_interpreter_with_other_sets_is_asked_itself(monkeypatch):
    monkeypatch.setattr(set_order, "same_as_pythons", lambda: False)
    pairs = np.array([[3, 9], [1, 4], [700, 801]], dtype=np.int64)
    assert [tuple(pair) for pair in set_order.python_order(pairs).tolist()] == list(
        {(3, 9), (1, 4), (700, 801)}
    )
