"""The search under a deadline, with a clock that only moves when work is done."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.core import pareto
from paretoscope.deadline import Deadline
from paretoscope.optimise.loop import SearchPlan, search
from paretoscope.optimise.nsga2 import Nsga2Optimiser
from paretoscope.optimise.sobol import SobolOptimiser

REF = (1.0, 1.0)


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class SlowSobol(SobolOptimiser):
    """Takes `cost` seconds to think."""

    def __init__(self, clock: Clock, cost: float) -> None:
        super().__init__(2, REF, seed=9)
        self.clock, self.cost = clock, cost

    def suggest(self, n: int) -> np.ndarray:
        self.clock.now += self.cost
        return super().suggest(n)


def bowl(x: np.ndarray) -> np.ndarray:
    return np.column_stack([x[:, 0], (1.0 - x[:, 0]) ** 2 + 0.5 * x[:, 1]])


def timed(clock: Clock, seconds: float):
    def evaluate(x: np.ndarray) -> np.ndarray:
        clock.now += seconds * len(x)
        return bowl(x)

    return evaluate


@settings(max_examples=60, deadline=None)
@given(st.floats(0.0, 20.0), st.floats(0.001, 0.5), st.floats(0.01, 3.0))
def test_the_deadline_is_kept_whatever_things_cost(allowed, evaluation, step):
    clock = Clock()
    found = search(
        timed(clock, evaluation),
        SlowSobol(clock, step),
        2,
        REF,
        deadline=Deadline.after(allowed, clock),
        plan=SearchPlan(screen=32, first_step_s=step),
    )
    # The first evaluation has no measure to go by; everything after it is only begun when it fits.
    assert clock.now <= max(allowed, evaluation) + 1e-9
    assert found.stop_reason in ("deadline", "budget", "converged")


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 3.0))
def test_the_hypervolume_never_falls(seed, allowed):
    clock = Clock()
    found = search(
        timed(clock, 0.01),
        Nsga2Optimiser(2, REF, seed),
        2,
        REF,
        deadline=Deadline.after(allowed, clock),
        plan=SearchPlan(screen=32, first_step_s=0.01),
        seed=seed,
    )
    assert (np.diff(found.trace) >= 0.0).all()
    assert found.hypervolume == (found.trace[-1] if len(found.trace) else 0.0)
    assert sum(phase.evaluations for phase in found.phases) == len(found.x)
    assert sum(phase.hypervolume_gain for phase in found.phases) == pytest.approx(found.hypervolume)


def test_without_a_deadline_the_same_seed_gives_the_same_search():
    first, again = (
        search(bowl, Nsga2Optimiser(2, REF, 5), 2, REF, deadline=Deadline.never(), seed=5) for _ in range(2)
    )
    assert np.array_equal(first.x, again.x)
    assert np.array_equal(first.y, again.y)


def test_what_was_good_before_is_looked_at_first():
    start = np.array([[0.3, 0.0], [0.6, 0.0]])
    found = search(bowl, SobolOptimiser(2, REF), 2, REF, deadline=Deadline.never(), start=start)
    assert np.array_equal(found.x[:2], start)
    assert found.phases[0].name == "start"
    assert found.phases[0].hypervolume_gain > 0.0


def test_steps_without_gain_count_as_converged():
    found = search(lambda x: np.zeros((len(x), 2)), SobolOptimiser(2, REF), 2, REF, deadline=Deadline.never())
    assert found.stop_reason == "converged"
    assert found.steps == SearchPlan().patience


def test_the_budget_ends_a_search_that_still_gains():
    plan = SearchPlan(screen=16, max_evaluations=40, tolerance=-1.0)
    found = search(bowl, SobolOptimiser(2, REF), 2, REF, deadline=Deadline.never(), plan=plan)
    assert found.stop_reason == "budget"
    assert len(found.x) == 40


def test_a_deadline_in_the_past_gives_what_there_is():
    clock = Clock()
    found = search(bowl, SobolOptimiser(2, REF), 2, REF, deadline=Deadline(-1.0, clock))
    assert found.stop_reason == "deadline"
    assert len(found.x) == 0
    assert found.hypervolume == 0.0


def test_what_is_owed_is_evaluated_however_late_it_is():
    plan = SearchPlan(least=20)
    start = np.full((3, 2), 0.5)
    late = Deadline(-1.0, Clock())
    found = search(bowl, SobolOptimiser(2, REF), 2, REF, deadline=late, plan=plan, start=start)
    assert found.stop_reason == "deadline"
    assert len(found.x) == 20
    assert found.hypervolume > 0.0


def test_progress_rises_to_one_and_reports_the_hypervolume():
    told = []
    search(
        bowl,
        SobolOptimiser(2, REF),
        2,
        REF,
        deadline=Deadline.never(),
        progress=lambda fraction, volume: told.append((fraction, volume)),
    )
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert all(0.0 < volume < 1.0 for _, volume in told)


def test_a_breeder_goes_before_the_steps_and_all_see_everything():
    seen = Nsga2Optimiser(2, REF, 1)
    found = search(
        bowl,
        SobolOptimiser(2, REF, 3),
        2,
        REF,
        deadline=Deadline.never(),
        plan=SearchPlan(screen=8, generations=2, brood=6, max_steps=2, tolerance=-1.0, worth=math.inf),
        breeder=seen,
    )
    assert [(phase.name, phase.evaluations) for phase in found.phases] == [
        ("screen", 8),
        ("breed", 12),
        ("steps", 8),
    ]
    assert np.array_equal(seen.front()[1], found.y[pareto.nondominated(found.y, REF)])


@pytest.mark.parametrize(("evaluation_s", "thinks"), [(1e-4, False), (1.0, True)])
def test_steps_are_begun_only_where_thinking_costs_less_than_trying(evaluation_s, thinks):
    clock = Clock()
    found = search(
        timed(clock, evaluation_s),
        SlowSobol(clock, 0.2),
        2,
        REF,
        deadline=Deadline.after(1000.0, clock),
        plan=SearchPlan(screen=8, generations=1, max_steps=2, first_step_s=0.2),
        breeder=Nsga2Optimiser(2, REF, 1),
    )
    assert (found.phases[-1].name == "steps") == thinks
    assert (found.steps > 0) == thinks


def test_points_are_evaluated_together_once_their_cost_is_known():
    sizes = []

    def evaluate(x: np.ndarray) -> np.ndarray:
        sizes.append(len(x))
        return bowl(x)

    plan = SearchPlan(screen=256, max_steps=0)
    search(evaluate, SobolOptimiser(2, REF), 2, REF, deadline=Deadline.never(), plan=plan)
    assert sizes[0] == 1
    assert max(sizes) >= 64
    assert sum(sizes) == 256
