"""Fronts and choices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paretoscope.core import pareto
from paretoscope.errors import BadParameters

REF = (1.0, 1.0)
tables = hnp.arrays(
    np.float64, st.tuples(st.integers(1, 40), st.just(2)), elements=st.floats(0, 1.5, width=16)
)


def dense_front(values: np.ndarray) -> set[tuple[float, float]]:
    inside = [tuple(v) for v in values if (v < 1.0).all()]
    return {v for v in inside if not any(w != v and w[0] <= v[0] and w[1] <= v[1] for w in inside)}


@settings(max_examples=150, deadline=None)
@given(tables)
def test_the_front_is_what_comparing_all_pairs_gives(values):
    best = values[pareto.nondominated(values, REF)]
    assert {tuple(v) for v in best} == dense_front(values)
    assert len(best) == len(dense_front(values))
    assert (np.diff(best[:, 0]) >= 0).all()


@settings(max_examples=100, deadline=None)
@given(tables, tables)
def test_more_points_never_shrink_the_hypervolume(first, second):
    assert pareto.hypervolume(np.vstack([first, second]), REF) >= pareto.hypervolume(first, REF) - 1e-12


@settings(max_examples=50, deadline=None)
@given(tables)
def test_the_hypervolume_is_the_area_of_the_staircase(values):
    front = sorted(dense_front(values))
    area, above = 0.0, 1.0
    for x, y in front:
        area += (1.0 - x) * (above - y)
        above = y
    assert pareto.hypervolume(values, REF) == pytest.approx(area, abs=1e-12)


def test_infeasible_points_and_points_beyond_the_reference_are_never_on_the_front():
    values = np.array([[np.inf, np.inf], [0.0, 1.0], [1.2, 0.0], [0.4, 0.4]])
    assert pareto.nondominated(values, REF).tolist() == [3]
    assert pareto.nondominated(values[:3], REF).size == 0
    assert pareto.hypervolume(values[:3], REF) == 0.0


@settings(max_examples=100, deadline=None)
@given(tables, st.lists(st.floats(0, 1), min_size=2, max_size=6))
def test_a_larger_weight_never_gives_more_er_nor_less_qc(values, weights):
    front = values[pareto.nondominated(values, REF)]
    if len(front) == 0:
        return
    picked = np.array([front[pareto.choose(front, weight, REF)] for weight in sorted(weights)])
    assert (np.diff(picked[:, 1]) <= 0).all()
    assert (np.diff(picked[:, 0]) >= 0).all()


@settings(max_examples=100, deadline=None)
@given(tables)
def test_the_ends_are_least_qc_and_least_er_and_the_middle_is_the_knee(values):
    front = values[pareto.nondominated(values, REF)]
    if len(front) == 0:
        return
    ends = front[pareto.choose(front, 0.0, REF)], front[pareto.choose(front, 1.0, REF)]
    assert ends[0][0] == front[:, 0].min()
    assert ends[1][1] == front[:, 1].min()
    assert front[pareto.choose(front, 0.5, REF)].sum() == front.sum(axis=1).min()


def test_every_point_of_a_front_can_be_reached_by_some_weight():
    x = np.linspace(0, 0.9, 9)
    for front in (np.column_stack([x, (0.9 - x) ** 2]), np.column_stack([x, np.sqrt(0.81 - x**2)])):
        reached = {pareto.choose(front, weight, REF) for weight in np.linspace(0, 1, 400)}
        assert reached == set(range(9))


def test_points_within_the_resolution_are_ties():
    values = np.array([[0.001, 0.009], [0.004, 0.0], [0.012, 0.0], [0.5, 0.5]])
    groups = pareto.tied_groups(values, REF, (0.01, 0.01))
    assert [group.tolist() for group in groups] == [[0, 1]]


@settings(max_examples=100, deadline=None)
@given(tables, tables)
def test_a_tied_cell_only_grows_or_gives_way_to_a_better_one(first, second):
    before = pareto.tied_groups(first, REF, (0.05, 0.05))
    everything = np.vstack([first, second])
    after = [set(group.tolist()) for group in pareto.tied_groups(everything, REF, (0.05, 0.05))]
    cells = pareto.cells(everything, (0.05, 0.05))
    for group in before:
        kept = any(set(group.tolist()) <= members for members in after)
        cell = cells[group[0]]
        beaten = any(
            (cells[next(iter(members))] <= cell).all() and (cells[next(iter(members))] < cell).any()
            for members in after
        )
        assert kept or beaten


def test_choosing_from_nothing_or_with_a_weight_outside_is_refused():
    with pytest.raises(BadParameters, match="nothing was found"):
        pareto.choose(np.empty((0, 2)), 0.5, REF)
    with pytest.raises(BadParameters, match="must lie in"):
        pareto.choose(np.array([[0.1, 0.1]]), 1.5, REF)
