"""Many parameter sets scored together are what detection and the rewards give, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from images import images
from oracle import skimage_blobs

from optimise.worlds import expectation, flat_expectation, world
from paretoscope.core import candidate_table, rewards
from paretoscope.core.blobs import detect_blobs
from paretoscope.core.candidate_table import make_table
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.parameter_sets import ParameterSets
from paretoscope.core.scoring import Scorer, unpruned
from paretoscope.core.tie_break import LEAST_SPREAD, STEEPNESS, THRESHOLD_STEP
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.space import LogSpace


def spread_sets(scales: int, count: int, floor: float, highest: float, seed: int = 0) -> ParameterSets:
    """All over the box, its faces included."""
    rng = np.random.default_rng(seed)
    first = rng.integers(0, scales, count)
    last = first + (rng.random(count) * (scales - first)).astype(int)
    threshold = floor + (highest - floor) * rng.random(count) ** 3
    overlap = rng.choice([0.0, 1.0, 0.5, -1.0], count)
    overlap = np.where(overlap < 0, rng.random(count), overlap)
    return ParameterSets(first.astype(np.int32), last.astype(np.int32), threshold, overlap)


def judged_one_by_one(image, candidates, expected, params):
    """QC and ER of a detection that starts from the pixels; None where infeasible."""
    blobs = detect_blobs(image, params)
    found = rewards.evaluate(["qc", "er"], blobs, expected)
    values = found["qc"].value, found["er"].value
    return None if None in values or max(values) >= 1.0 else values


@settings(deadline=None, max_examples=60)
@given(
    image=images(40),
    low=st.floats(0.6, 3.0),
    span=st.floats(0.3, 6.0),
    scales=st.integers(2, 9),
    n_expected=st.floats(0.5, 60.0),
    neighbour=st.floats(2.0, 14.0),
    seed=st.integers(0, 1000),
)
def test_scoring_together_is_detecting_one_by_one(image, low, span, scales, n_expected, neighbour, seed):
    disordered = np.zeros(image.shape, dtype=bool)
    disordered[: image.shape[0] // 3] = seed % 2 == 0
    expected = flat_expectation(n_expected, neighbour, image.shape, disordered)
    candidates = CandidateSet.build(image, np.linspace(low, low + span, scales), floor=0.0)
    sets = spread_sets(scales, 12, 0.0, 0.3, seed)
    scores = Scorer(candidates, expected).score_many(sets)
    for k in range(len(sets)):
        wanted = judged_one_by_one(image, candidates, expected, sets.params(k, candidates.sigmas))
        assert scores.feasible[k] == (wanted is not None)
        if wanted is not None:
            assert scores.exact[k]
            assert tuple(scores.values[k]) == wanted


@pytest.mark.parametrize("counts", [4.0, 30.0])
def test_a_window_is_scored_as_blob_log_would_be(counts):
    w = world(size=128, counts=counts, seed=2)
    space = LogSpace(w.neighbour_px)
    candidates = CandidateSet.build(w.image, space.grid, floor=1e-3)
    expected = expectation(w)
    sets = space.scaled_to(candidates.maxima.response, 1e-3).sets(sobol_points(32, 4, seed=1))
    scores = Scorer(candidates, expected).score_many(sets)
    agreed = 0
    for k in np.flatnonzero(scores.feasible):
        rows = skimage_blobs(w.image, sets.params(k, candidates.sigmas))
        found = np.count_nonzero(expected.counts(rows[:, 0], rows[:, 1]))
        agreed += found == scores.n_found[k]
    # Rounding may decide a response within 1e-6 of the threshold or of its neighbour, once in a while.
    assert agreed >= np.count_nonzero(scores.feasible) - 1
    assert agreed > 12


def test_sets_scored_roughly_are_within_their_bounds_and_become_exact_when_asked():
    w = world(size=160, counts=8.0, seed=1)
    space = LogSpace(w.neighbour_px)
    candidates = CandidateSet.build(w.image, space.grid, floor=1e-3)
    scorer = Scorer(candidates, expectation(w))
    sets = spread_sets(16, 200, 0.01, 0.3)
    rough, exact = scorer.score_many(sets, exact=False), scorer.score_many(sets)
    open_ = np.flatnonzero(~rough.exact)
    assert len(open_) > 10
    assert np.array_equal(rough.n_found[rough.exact], exact.n_found[rough.exact])
    assert np.all((rough.least <= exact.n_found) & (exact.n_found <= rough.most))
    some = open_[::2]
    settled = scorer.settled(rough, some)
    assert np.array_equal(settled.n_found[some], exact.n_found[some])
    assert np.array_equal(settled.values[some], exact.values[some])


def test_one_set_alone_scores_as_among_many():
    w = world(size=96, counts=8.0)
    candidates = CandidateSet.build(w.image, LogSpace(9.0).grid, floor=0.01)
    scorer = Scorer(candidates, expectation(w))
    sets = spread_sets(16, 40, 0.01, 0.3)
    scores = scorer.score_many(sets)
    for k in range(len(sets)):
        alone = scorer.score(sets.params(k, candidates.sigmas))
        assert np.array_equal(alone.values, scores.values[k])
        assert (alone.n_found, alone.tie_break) == (scores.n_found[k], scores.tie_break[k])


def test_the_tie_break_is_what_its_words_say():
    w = world(size=96, counts=8.0, seed=3)
    candidates = CandidateSet.build(w.image, LogSpace(9.0).grid, floor=1e-3)
    sets = spread_sets(16, 60, 1e-3, 0.3)
    scores = Scorer(candidates, expectation(w)).score_many(sets)

    def pool(first, last):
        if not 0 <= first <= last < 16:
            return None
        return np.sort(
            candidates.select(unpruned(candidates, first, last), exact=False).response.astype(float)
        )

    def above(first, last, threshold):
        responses = pool(first, last)
        return None if responses is None else int(np.count_nonzero(responses > np.float32(threshold)))

    for k in np.flatnonzero(scores.feasible):
        first, last, threshold = int(sets.first[k]), int(sets.last[k]), float(sets.threshold[k])
        accepted = candidates.select(sets.params(k, candidates.sigmas)).response.astype(float)
        rejected = pool(first, last)
        rejected = rejected[rejected <= np.float32(threshold)]
        low, spread = threshold, accepted.std() + LEAST_SPREAD * accepted.mean()
        if rejected.size:
            low, spread = rejected.mean(), spread + rejected.std()
        here = above(first, last, threshold)
        ranges = [(first - 1, last), (first + 1, last), (first, last - 1), (first, last + 1)]
        near = [above(a, b, threshold) for a, b in ranges]
        near += [
            above(first, last, level) for level in (threshold / THRESHOLD_STEP, threshold * THRESHOLD_STEP)
        ]
        change = np.mean([abs(n - here) for n in near if n is not None])
        wanted = max(accepted.mean() - low, 0.0) / spread * min(1.0, len(accepted) / here)
        wanted /= 1.0 + STEEPNESS * change / len(accepted)
        assert scores.tie_break[k] == pytest.approx(wanted, rel=1e-6)


def crowd(count: int = 15_000) -> CandidateSet:
    """A window with `count` candidates, more than noise has: every third pixel on every scale."""
    rng = np.random.default_rng(0)
    image = rng.random((128, 128), dtype=np.float32)
    candidates = CandidateSet.build(image, np.linspace(0.7, 5.0, 16), floor=-1.0)
    maxima = candidates.maxima
    rows = rng.integers(0, len(maxima), count)
    y, x = rng.integers(0, 128, (2, count)).astype(np.int32)
    crowded = maxima.take(np.sort(rows))
    replaced = {"y_px": y, "x_px": x, "tops_below": np.ones(count, bool), "tops_above": np.ones(count, bool)}
    return CandidateSet(
        type(crowded)(**{**vars(crowded), **replaced}), candidates.sigmas, -1.0, candidates.cap
    )


def test_fifteen_thousand_candidates_in_a_window_are_scored_within_bounds():
    candidates = crowd()
    table = candidates.table
    assert len(candidates) == 15_000
    assert table.rows_known == 15_000
    assert len(table.first) <= 2 * candidate_table.MOST_PAIRS
    scores = Scorer(candidates, flat_expectation(200.0, 9.0, (128, 128))).score_many(
        spread_sets(16, 8, -1.0, 0.2), exact=False
    )
    assert not scores.capped.any()
    assert np.all(scores.n_found <= 15_000)


def test_a_table_that_would_be_too_large_keeps_the_strongest_and_says_so():
    candidates = crowd()
    full, small = candidates.table, make_table(candidates.maxima, candidates.sigmas, most_pairs=50_000)
    assert len(small.first) <= 100_000 < len(full.first)
    assert small.rows_known < 15_000
    vars(candidates)["table"] = small
    scorer = Scorer(candidates, flat_expectation(200.0, 9.0, (128, 128)))
    level = candidates.maxima.response
    strict, loose = float(level[small.rows_known // 2]), float(level[-1]) - 0.01
    sets = ParameterSets(
        *(np.full(2, v, np.int32) for v in (3, 8)), np.array([strict, loose]), np.full(2, 0.5)
    )
    scores = scorer.score_many(sets, exact=False)
    assert scores.capped.tolist() == [False, True]
    assert scores.n_found[1] <= small.rows_known


def test_more_peaks_than_may_be_pruned_are_cut_to_the_strongest_and_reported():
    noise = np.random.default_rng(0).random((96, 96), dtype=np.float32)
    grid = np.linspace(1, 3, 9)
    candidates = CandidateSet.build(noise, grid, 0.0, cap=100)
    scorer = Scorer(candidates, flat_expectation(60.0, 5.0, (96, 96)))
    sets = ParameterSets(np.array([0], np.int32), np.array([8], np.int32), np.array([0.0]), np.array([0.3]))
    scores = scorer.score_many(sets)
    blobs = candidates.select(sets.params(0, candidates.sigmas))
    assert blobs.capped
    assert scores.capped.all()
    assert scores.n_found[0] == len(blobs)


@pytest.mark.parametrize("image", [np.zeros((64, 64)), np.full((64, 64), 0.5)])
def test_constant_images_have_no_candidates_and_score_as_infeasible(image):
    candidates = CandidateSet.build(image.astype(np.float32), np.linspace(1, 4, 5), floor=1e-3)
    scores = Scorer(candidates, flat_expectation(10.0, 5.0, image.shape)).score_many(
        spread_sets(5, 20, 1e-3, 0.2)
    )
    assert not scores.feasible.any()
    assert (scores.n_found == 0).all()


def test_scoring_lets_other_threads_run():
    """The loops hold no lock of the interpreter: another thread gets on with its work meanwhile."""
    import threading

    w = world(size=256, counts=8.0)
    candidates = CandidateSet.build(w.image, LogSpace(9.0).grid, floor=1e-3)
    scorer = Scorer(candidates, expectation(w))
    sets = spread_sets(16, 2000, 1e-3, 0.3)
    scorer.score_many(sets.take(np.arange(2)), exact=False)
    ticks, stop = [0], threading.Event()

    def tick():
        while not stop.is_set():
            ticks[0] += 1
            stop.wait(1e-4)

    other = threading.Thread(target=tick)
    other.start()
    before = ticks[0]
    scorer.score_many(sets, exact=False)
    meanwhile = ticks[0] - before
    stop.set()
    other.join()
    assert meanwhile > 3
