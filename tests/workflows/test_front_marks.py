"""What a published front says of its own points is true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paretoscope.contract import ExpectedCount, FrontPoint, LogParams, ParetoFront
from paretoscope.worker.choices import moved
from paretoscope.workflows.choice import marked, pick


def point(qc: float, er: float, tie_break: float = 0.0, threshold: float = 0.1) -> FrontPoint:
    params = LogParams(sigma_min=1.0, sigma_max=2.0, threshold=threshold, overlap=0.5)
    return FrontPoint(params=params, qc=qc, er=er, n_found=100, n_close=0, tie_break=tie_break)


def front(*points: FrontPoint) -> ParetoFront:
    expected = ExpectedCount(value=1000.0, source="count")
    return ParetoFront(frame_id="s-e-000000", points=list(points), chosen=0, n_expected=expected)


VALUES = st.sampled_from([0.0, 0.001, 0.012, 0.05, 0.3, 0.9])


@given(st.lists(st.tuples(VALUES, VALUES, st.floats(0, 10)), min_size=1, max_size=12))
def test_dominated_is_said_of_exactly_the_points_that_another_beats(rows):
    points = marked([point(*row) for row in rows])
    assert [(p.qc, p.er) for p in points] == sorted((qc, er) for qc, er, _ in rows)
    for one in points:
        beaten = any(
            other.qc <= one.qc and other.er <= one.er and (other.qc, other.er) != (one.qc, one.er)
            for other in points
        )
        assert one.dominated == beaten
    assert not all(p.dominated for p in points)


def test_a_tie_goes_to_the_clearer_point_which_is_marked_as_slightly_worse():
    better, clearer = marked([point(0.001, 0.0, tie_break=1.0), point(0.006, 0.0, tie_break=5.0)])
    assert (better.dominated, clearer.dominated) == (False, True)
    assert pick(front(better, clearer), 0.5) == 1


def test_a_point_beaten_by_more_than_the_resolution_is_never_meant_by_a_weight():
    points = marked([point(0.001, 0.0, tie_break=1.0), point(0.3, 0.2, tie_break=99.0)])
    assert {pick(front(*points), weight) for weight in (0.0, 0.5, 1.0)} == {0}


@pytest.mark.parametrize(("qc", "er", "beaten"), [(0.4, 0.4, True), (0.0, 0.5, False), (0.1, 0.1, False)])
def test_an_operators_point_joins_the_front_as_what_it_is(qc, er, beaten):
    held = front(point(0.1, 0.1, threshold=0.2))
    own = moved(held, None, point(qc, er, threshold=0.3), revision=1)
    assert own.chosen is not None
    assert own.points[own.chosen].params.threshold == 0.3
    assert own.points[own.chosen].dominated is beaten
    assert own.revision == 1


def test_an_operators_point_that_beats_the_front_marks_what_it_beats():
    own = moved(front(point(0.1, 0.1, threshold=0.2)), None, point(0.0, 0.0, threshold=0.3), revision=1)
    assert [p.dominated for p in own.points] == [False, True]
