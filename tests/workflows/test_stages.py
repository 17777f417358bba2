"""How a frame's time is split, and how the split learns from slow frames."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from paretoscope.deadline import Deadline
from paretoscope.workflows.stages import Budget, Pace, StageClock


class Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@given(
    left_s=st.floats(-5.0, 600.0),
    atoms=st.floats(0.0, 1e5),
    classes=st.booleans(),
)
def test_the_parts_come_in_order_and_end_before_the_deadline(
    left_s: float, atoms: float, classes: bool
) -> None:
    clock = Hands()
    deadline = Deadline.after(left_s, clock)
    budget = Budget.of(deadline, atoms, classes, Pace())
    assert budget.frame.at_s <= budget.windows.at_s <= deadline.at_s
    assert budget.refine.at_s <= deadline.at_s


def test_without_a_deadline_nothing_is_cut_short() -> None:
    budget = Budget.of(Deadline.never(), 1e4, True, Pace())
    assert math.isinf(budget.frame.at_s)
    assert math.isinf(budget.refine.at_s)


def test_a_slow_frame_makes_the_next_search_end_sooner() -> None:
    clock, pace = Hands(), Pace()
    before = Budget.of(Deadline.after(3.0, clock), 2000, True, pace)
    pace.note("segment", 0.8, 2000)
    after = Budget.of(Deadline.after(3.0, clock), 2000, True, pace)
    assert after.windows.at_s < before.windows.at_s - 0.5


def test_a_slow_frame_is_forgotten_after_a_few_usual_ones() -> None:
    pace = Pace()
    usual = pace.expected_s("segment", 1000)
    pace.note("segment", 10.0, 1000)
    for _ in range(12):
        pace.note("segment", usual, 1000)
    assert usual <= pace.expected_s("segment", 1000) < 1.1 * usual


def test_stages_are_timed_in_the_order_in_which_they_end() -> None:
    clock = Hands()
    stages = StageClock(clock)
    with stages("outer"):
        clock.now_s += 0.25
        with stages("inner"):
            clock.now_s += 0.5
    assert [(stage.name, stage.ms) for stage in stages.timed] == [("inner", 500.0), ("outer", 750.0)]
