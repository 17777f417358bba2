"""LoG* against windows whose atoms are known."""

from __future__ import annotations

import numpy as np
import pytest

from optimise.worlds import expectation, f1, flat_expectation, world
from paretoscope.contract import (
    OperatingPoint,
    ParetoFront,
    StreamMemory,
    StreamPolicy,
    WindowPolicy,
)
from paretoscope.core import rewards
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.rewards import reward
from paretoscope.deadline import Deadline
from paretoscope.errors import BadParameters
from paretoscope.optimise.loop import SearchPlan
from paretoscope.optimise.space import LogSpace
from paretoscope.optimise.warm import never_compile
from paretoscope.workflows.choice import pick
from paretoscope.workflows.tuning import tune
from paretoscope.workflows.window_tuning import tune_windows

SCREEN = SearchPlan(screen=128, max_steps=0)


def tuned(w, policy=None, memory=None, plan=SCREEN, deadline=None, expected=None, progress=None):
    space = LogSpace(w.neighbour_px)
    candidates = CandidateSet.build(w.image, space.grid, floor=0.01)
    result = tune(
        candidates,
        expected or expectation(w),
        space,
        policy or StreamPolicy(optimiser="sobol"),
        memory or StreamMemory(),
        deadline or Deadline.never(),
        0,
        plan=plan,
        progress=progress,
    )
    return candidates, result


@pytest.mark.parametrize("lattice", ["graphene", "perovskite"])
@pytest.mark.parametrize("hole", [0.0, 0.25])
@pytest.mark.parametrize("counts", [30.0, 10.0])
def test_more_search_never_finds_worse_atoms(lattice, hole, counts):
    """Truth against the chosen point, from a short screen to one sixteen times as long."""
    width = 0.32 if lattice == "graphene" else 0.2
    w = world(lattice=lattice, hole_share=hole, counts=counts, width=width, seed=4)
    scores = []
    for screen in (64, 256, 1024):
        candidates, result = tuned(w, plan=SearchPlan(screen=screen, max_steps=0))
        blobs = candidates.select(result.params)
        scores.append(f1(w, blobs.y_px, blobs.x_px))
    assert scores[0] > 0.95
    # One atom more or less at the border is what the resolution allows.
    assert scores[1] >= scores[0] - 2.0 / len(w.y_px)
    assert scores[2] >= scores[1] - 2.0 / len(w.y_px)


def test_the_tie_break_of_the_chosen_cell_only_rises_with_more_search():
    w = world(counts=10.0, hole_share=0.2, seed=1)
    best = [
        result.points[result.chosen].tie_break
        for screen in (64, 256, 1024)
        for _, result in [tuned(w, plan=SearchPlan(screen=screen, max_steps=0))]
    ]
    assert best == sorted(best)


def test_magnification_and_contrast_do_not_matter():
    small, large = world(size=96, neighbour_px=7.0, counts=60), world(size=192, neighbour_px=14.0, counts=60)
    for w in (small, large):
        candidates, result = tuned(w)
        blobs = candidates.select(result.params)
        assert f1(w, blobs.y_px, blobs.x_px) > 0.97


def test_every_optimiser_ends_with_a_front_and_a_choice():
    never_compile()
    w = world(counts=6.0, seed=2)
    for name in ("sobol", "nsga2", "qnehvi", "qlognehvi"):
        # A short screen on a noisy window leaves the optimiser something to do.
        _, result = tuned(w, StreamPolicy(optimiser=name), plan=SearchPlan(screen=12, max_steps=3))
        assert result.points
        assert result.points[result.chosen].qc < 0.3
        assert [point.qc for point in result.points] == sorted(point.qc for point in result.points)
        assert result.optimiser == name


def test_the_same_seed_gives_the_same_front():
    never_compile()
    w = world(counts=8.0, seed=3)
    policy = StreamPolicy(optimiser="qnehvi")
    plan = SearchPlan(screen=16, max_steps=2)
    assert tuned(w, policy, plan=plan)[1].points == tuned(w, policy, plan=plan)[1].points


def test_the_operating_point_of_the_last_frame_is_tried_first_even_at_another_magnification():
    w = world(neighbour_px=8.0)
    _, before = tuned(w)
    memory = StreamMemory(
        operating=OperatingPoint(params=before.params, frame_id="s-e-000000"),
        front=[point.params for point in before.points],
        neighbour_px=8.0,
    )
    zoomed = world(size=192, neighbour_px=12.0, seed=0)
    candidates, result = tuned(zoomed, memory=memory, plan=SearchPlan(screen=0, max_steps=0))
    blobs = candidates.select(result.params)
    assert result.phases[0].name == "start"
    assert f1(zoomed, blobs.y_px, blobs.x_px) > 0.97


def test_where_no_lattice_is_nothing_is_chosen():
    w = world(size=64)
    nowhere = np.ones((64, 64), dtype=bool)
    _, result = tuned(w, expected=flat_expectation(10.0, 9.0, (64, 64), nowhere))
    assert (result.points, result.chosen, result.stop_reason) == ([], None, "nothing-found")


def test_finding_many_times_too_much_is_never_a_winner():
    w = world(size=64, counts=30)
    _, result = tuned(w, expected=flat_expectation(0.4, w.neighbour_px, (64, 64)))
    assert result.points == []
    assert result.stop_reason == "nothing-found"


def test_a_deadline_that_has_passed_still_answers_with_the_operating_point():
    w = world(size=64)
    _, before = tuned(w)
    memory = StreamMemory(operating=OperatingPoint(params=before.params, frame_id="s-e-000000"))
    _, result = tuned(w, memory=memory, deadline=Deadline.after(0.0))
    assert result.stop_reason in ("deadline", "nothing-found")


def test_the_scored_set_is_what_detection_gives():
    from paretoscope.core.blobs import detect_blobs

    w = world(size=96)
    candidates, result = tuned(w)
    scored, again = candidates.select(result.params), detect_blobs(w.image, result.params)
    assert np.array_equal(scored.y_px, again.y_px)
    assert np.array_equal(scored.x_px, again.x_px)


@pytest.mark.parametrize(("counts", "seed"), [(4.0, 0), (8.0, 1), (30.0, 2)])
def test_the_hypervolume_of_a_search_never_falls_and_its_front_is_exact(counts, seed):
    w = world(size=112, counts=counts, seed=seed, hole_share=0.1)
    candidates, result = tuned(w, StreamPolicy(), plan=SearchPlan(screen=200))
    expected = expectation(w)
    assert len(result.trace) == result.evaluations
    assert (np.diff(result.trace, axis=0) >= 0.0).all()
    assert result.trace[-1, 0] == result.hypervolume
    for point in result.points:
        blobs = candidates.select(point.params)
        given = rewards.evaluate(["qc", "er"], blobs, expected)
        assert (point.qc, point.er) == (given["qc"].value, given["er"].value)
        assert point.n_found == np.count_nonzero(expected.counts(blobs.y_px, blobs.x_px))


def test_a_weight_walks_the_front_and_ties_are_one_place():
    w = world(counts=5.0, seed=6)
    _, result = tuned(w, plan=SearchPlan(screen=256, max_steps=0))
    front = ParetoFront(
        frame_id="s-e-000000",
        points=result.points,
        chosen=result.chosen,
        n_expected=expectation(w).document(),
    )
    assert pick(front, 0.5) == result.chosen
    ends = result.points[pick(front, 0.0)], result.points[pick(front, 1.0)]
    assert ends[0].qc <= ends[1].qc + 0.1
    assert ends[1].er <= ends[0].er


def test_a_reward_of_ones_own_can_be_an_objective():
    @reward("test-width-scatter")
    def width_scatter(blobs, expectation):
        return float(np.std(blobs.sigma_px) / np.mean(blobs.sigma_px)) if len(blobs) else float("nan")

    w = world(size=96)
    _, result = tuned(w, StreamPolicy(optimiser="sobol", rewards=["qc", "er", "test-width-scatter"]))
    assert all(point.rewards["test-width-scatter"].value is not None for point in result.points)


def test_candidates_on_another_grid_are_refused():
    w = world(size=64)
    candidates = CandidateSet.build(w.image, LogSpace(7.0).grid, floor=0.01)
    with pytest.raises(BadParameters, match="other scales"):
        tune(candidates, expectation(w), LogSpace(9.0), StreamPolicy(), StreamMemory(), Deadline.never(), 0)


def test_windows_are_tuned_each_and_say_why_where_they_are_not():
    w = world(size=256, hole_share=0.3, seed=5)
    space = LogSpace(w.neighbour_px)
    candidates = CandidateSet.build(w.image, space.grid, floor=0.01)
    policy = StreamPolicy(windows=WindowPolicy(size_px=64, step=0.5))
    arguments = (candidates, expectation(w), space, policy, StreamMemory())
    results = tune_windows(*arguments, Deadline.never(), 0)
    assert len(results) == 49
    assert results == tune_windows(*arguments, Deadline.never(), 0)
    for result in results:
        if result.params is None:
            assert result.reason
        else:
            found = candidates.inside(result.y_px, result.x_px, 64, 64).select(result.params)
            assert len(found) == result.n_found
            assert result.qc < 0.5
    empty = [result for result in results if result.params is None]
    assert 0 < len(empty) < 20


def test_windows_answer_even_without_time_of_their_own():
    w = world(size=128)
    space = LogSpace(w.neighbour_px)
    candidates = CandidateSet.build(w.image, space.grid, floor=0.01)
    policy = StreamPolicy(windows=WindowPolicy(size_px=64, step=0.5))
    results = tune_windows(candidates, expectation(w), space, policy, StreamMemory(), Deadline.after(0.0), 0)
    assert len(results) == 9
