"""Windows judged together are windows judged alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.test_scoring import spread_sets
from optimise.worlds import expectation, world
from paretoscope.contract import StreamMemory, StreamPolicy, WindowPolicy
from paretoscope.core.candidate_table import listed_within
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.judge import judge
from paretoscope.core.rewards import reward
from paretoscope.core.scoring import Scorer
from paretoscope.core.tie_break import tie_breaks
from paretoscope.core.window_views import blocks
from paretoscope.core.windows import WindowGrid
from paretoscope.deadline import Deadline
from paretoscope.optimise.space import LogSpace
from paretoscope.workflows.window_tuning import tune_windows

W = world(size=160, counts=8.0, hole_share=0.15, seed=3)
CANDIDATES = CandidateSet.build(W.image, LogSpace(W.neighbour_px).grid, floor=1e-3)
EXPECTED = expectation(W)


@reward("test-dim-atoms")
def dim_atoms(blobs, _):
    return float(np.mean(blobs.response < blobs.response.mean() / 2))


@settings(deadline=None, max_examples=8)
@given(st.integers(20, 200), st.floats(0.2, 1.0), st.integers(0, 1000))
def test_all_windows_at_once_are_each_window_alone(size, step, seed):
    grid = WindowGrid.over(W.image.shape, size, step)
    sets = spread_sets(16, 6, 1e-3, 0.3, seed)
    seen = []
    for block in blocks(grid):
        seen += block.index.tolist()
        windows = [grid.windows[index] for index in block.index]
        parts = [EXPECTED.inside(w.y_px, w.x_px, w.height_px, w.width_px) for w in windows]
        maxima = CANDIDATES.maxima
        views = block.views(
            maxima.y_px,
            maxima.x_px,
            EXPECTED.counts(maxima.y_px, maxima.x_px),
            np.array([part.n_expected for part in parts]),
            EXPECTED.minimum_distance_px,
        )
        judged = judge(
            CANDIDATES.table,
            views,
            sets.first,
            sets.last,
            sets.threshold,
            sets.overlap,
            CANDIDATES.most_peaks,
        )
        for w in {0, seed % len(windows), len(windows) - 1}:
            one = windows[w]
            alone = CANDIDATES.inside(one.y_px, one.x_px, one.height_px, one.width_px)
            scores = Scorer(alone, parts[w]).score_many(sets, exact=False)
            assert np.array_equal(judged.exact[:, w], scores.exact)
            assert np.array_equal(judged.least[:, w], scores.least)
            clear = scores.exact
            assert np.all(judged.most[:, w] >= scores.most)
            assert np.array_equal(judged.found[clear, w], scores.n_found[clear])
            assert np.array_equal(judged.close[clear, w], scores.n_close[clear])
            good = np.flatnonzero(scores.feasible & clear)
            tie = tie_breaks(
                listed_within(CANDIDATES.table, views.member, w), sets.first[good], sets.last[good],
                sets.threshold[good], judged.atoms[good, w], judged.total[good, w], judged.squares[good, w],
            )  # fmt: skip
            np.testing.assert_allclose(tie, scores.tie_break[good], rtol=1e-6, atol=1e-9)
    assert sorted(seen) == list(range(len(grid.windows)))


def test_more_windows_than_bits_are_tuned_block_by_block():
    policy = StreamPolicy(windows=WindowPolicy(size_px=64, step=0.16))
    space = LogSpace(W.neighbour_px)
    results = tune_windows(CANDIDATES, EXPECTED, space, policy, StreamMemory(), Deadline.never(), 0)
    grid = WindowGrid.over(W.image.shape, 64, 0.16)
    assert len(results) == len(grid.windows) > 64
    for window, result in zip(grid.windows, results, strict=True):
        assert (result.y_px, result.x_px) == (window.y_px, window.x_px)
        if result.params is not None:
            inside = CANDIDATES.inside(window.y_px, window.x_px, window.height_px, window.width_px)
            counted = EXPECTED.counts(
                *(getattr(inside.select(result.params), axis) for axis in ("y_px", "x_px"))
            )
            assert np.count_nonzero(counted) == result.n_found


@pytest.mark.parametrize("names", [["er", "qc"], ["qc", "er", "test-dim-atoms"]])
def test_windows_can_be_tuned_by_other_rewards(names):
    policy = StreamPolicy(windows=WindowPolicy(size_px=100, step=1.0), rewards=names)
    space = LogSpace(W.neighbour_px)
    results = tune_windows(CANDIDATES, EXPECTED, space, policy, StreamMemory(), Deadline.never(), 0)
    assert all(result.params is not None and result.qc < 0.2 for result in results)
