"""Atoms as beam positions: where they are in the scan, which are taken, and in what order."""

from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from paretoscope.contract.targets import BeamTargets, TargetRule, beam_targets
from paretoscope.contract.visiting import _nearest_first, path_length, shortest_order
from paretoscope.errors import BadParameters

SHAPE = (60, 100)
NM = (0.02, 0.03)

numbers = st.integers(0, 2**32 - 1)


def some_atoms(seed: int, count: int | None = None) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 60)) if count is None else count
    return {
        "atom_id": np.arange(count, dtype=np.int32),
        "y_px": rng.uniform(-0.7, SHAPE[0] - 0.3, count).astype(np.float32),
        "x_px": rng.uniform(-0.7, SHAPE[1] - 0.3, count).astype(np.float32),
        "score": rng.uniform(0, 1, count).astype(np.float32),
        "confidence": rng.choice([0.2, 0.5, 0.9, np.nan], count).astype(np.float32),
        "class_id": rng.integers(-1, 3, count).astype(np.int32),
    }


rules = st.builds(
    TargetRule,
    classes=st.lists(st.integers(-1, 3), max_size=3).map(tuple),
    min_confidence=st.sampled_from([0.0, 0.3, 0.9]),
    min_score=st.sampled_from([0.0, 0.4]),
    edge_px=st.floats(0, 20),
    edge_nm=st.floats(0, 0.5),
    apart_px=st.floats(0, 30),
    apart_nm=st.floats(0, 0.8),
    at_most=st.integers(1, 40),
    order=st.sampled_from(["nearest", "raster", "confidence"]),
)


def places(targets: BeamTargets) -> np.ndarray:
    return np.column_stack([targets.columns["y_px"], targets.columns["x_px"]]).astype(float)


@given(numbers, rules)
def test_every_target_keeps_every_rule(seed: int, rule: TargetRule) -> None:
    atoms = some_atoms(seed)
    targets = beam_targets(atoms, SHAPE, rule, pixel_size_nm=NM)
    at = places(targets)
    assert len(targets) <= rule.at_most
    assert len(set(targets.columns["atom_id"].tolist())) == len(targets)
    if rule.classes:
        assert set(targets.columns["class_id"].tolist()) <= set(rule.classes)
    if rule.min_confidence > 0:
        assert (targets.columns["confidence"] >= rule.min_confidence).all()
    assert (targets.columns["score"] >= rule.min_score).all()
    to_edge = np.minimum(at + 0.5, np.array(SHAPE) - 0.5 - at)
    assert (to_edge >= rule.edge_px).all()
    assert (to_edge * NM >= rule.edge_nm - 1e-9).all()
    for scale, least in ((1.0, rule.apart_px), (np.array(NM), rule.apart_nm)):
        gaps = np.hypot(*np.moveaxis((at[:, None] - at[None]) * scale, 2, 0))
        assert (gaps[~np.eye(len(at), dtype=bool)] >= least - 1e-9).all()
    assert all(0 <= fraction <= 1 for point in targets.points for fraction in point)


@given(numbers, rules)
def test_every_atom_is_a_target_or_counted_by_reason(seed: int, rule: TargetRule) -> None:
    atoms = some_atoms(seed)
    targets = beam_targets(atoms, SHAPE, rule, pixel_size_nm=NM)
    assert len(targets) + sum(targets.left_out.values()) == len(atoms["y_px"])


@given(numbers, st.floats(1, 30))
def test_an_atom_is_left_out_as_too_close_only_beside_a_surer_target(seed: int, apart: float) -> None:
    atoms = some_atoms(seed)
    apart_targets = beam_targets(atoms, SHAPE, TargetRule(apart_px=apart))
    kept = set(apart_targets.columns["atom_id"].tolist())
    for atom in beam_targets(atoms, SHAPE).columns["atom_id"].tolist():
        if atom in kept:
            continue
        away = np.hypot(*(places(apart_targets) - [atoms["y_px"][atom], atoms["x_px"][atom]]).T)
        surer = np.nan_to_num(apart_targets.columns["confidence"]) >= np.nan_to_num(atoms["confidence"][atom])
        assert (surer & (away < apart)).any()


@given(numbers)
def test_a_pixel_and_its_fraction_are_one_place(seed: int) -> None:
    targets = beam_targets(some_atoms(seed), SHAPE)
    x, y = np.array(targets.points).reshape(-1, 2).T
    np.testing.assert_allclose(y * SHAPE[0] - 0.5, targets.columns["y_px"], atol=1e-9)
    np.testing.assert_allclose(x * SHAPE[1] - 0.5, targets.columns["x_px"], atol=1e-9)


def test_the_first_pixels_centre_is_half_a_pixel_into_the_scan_and_x_comes_first() -> None:
    atoms = {"y_px": np.array([0.0]), "x_px": np.array([99.0])}
    assert beam_targets(atoms, SHAPE).points == [(99.5 / 100, 0.5 / 60)]


def test_an_atom_refined_to_beyond_the_scan_is_no_target() -> None:
    atoms = {"y_px": np.array([-0.6, 59.4, 59.6]), "x_px": np.array([5.0, 5.0, 5.0])}
    targets = beam_targets(atoms, SHAPE)
    assert (len(targets), targets.left_out["edge"]) == (1, 2)


@given(numbers, st.integers(2, 40))
def test_no_part_of_a_short_way_is_worth_turning_round(seed: int, count: int) -> None:
    at = np.random.default_rng(seed).uniform(0, 100, (count, 2))
    order = shortest_order(at, np.zeros(2))
    assert sorted(order.tolist()) == list(range(count))
    way = np.concatenate([[[0.0, 0.0]], at[order]])
    greedy = np.concatenate([[[0.0, 0.0]], at[_nearest_first(at, np.zeros(2))]])
    assert path_length(way) <= path_length(greedy) + 1e-9
    # no two legs of the way cross: turning the part between them round would have been shorter
    for first in range(count):
        for last in range(first + 2, count + 1):
            turned = np.concatenate([way[: first + 1], way[first + 1 : last + 1][::-1], way[last + 1 :]])
            assert path_length(way) <= path_length(turned) + 1e-6


def test_short_ways_are_within_a_few_percent_of_the_shortest() -> None:
    found, best = [], []
    for seed in range(40):
        at = np.random.default_rng(seed).uniform(0, 100, (6, 2))
        start = np.zeros((1, 2))
        best.append(
            min(path_length(np.concatenate([start, at[list(way)]])) for way in permutations(range(6)))
        )
        found.append(path_length(np.concatenate([start, at[shortest_order(at, start[0])]])))
    ratios = np.array(found) / np.array(best)
    assert ratios.min() >= 1 - 1e-9
    assert ratios.mean() < 1.05


def test_a_serpentine_of_atoms_is_walked_as_one() -> None:
    y, x = (grid.ravel() * 10.0 for grid in np.mgrid[0:6, 0:10])
    shuffled = np.random.default_rng(0).permutation(60)
    atoms = {"y_px": y[shuffled], "x_px": x[shuffled]}
    assert beam_targets(atoms, SHAPE, TargetRule(order="nearest")).path <= 59 * 10.0 * 1.1
    assert beam_targets(atoms, SHAPE, TargetRule(order="raster")).path == pytest.approx(
        6 * 90 + 5 * np.hypot(90, 10)
    )


def test_raster_follows_the_scan() -> None:
    atoms = {"y_px": np.array([10.4, 9.8, 30.0]), "x_px": np.array([5.0, 50.0, 0.0])}
    targets = beam_targets(atoms, SHAPE, TargetRule(order="raster"))
    assert targets.columns["x_px"].tolist() == [5.0, 50.0, 0.0]


def test_the_surest_first_and_only_so_many() -> None:
    targets = beam_targets(some_atoms(1, 50), SHAPE, TargetRule(order="confidence", at_most=5))
    sure = np.nan_to_num(targets.columns["confidence"])
    assert all(before >= after for before, after in pairwise(sure.tolist()))
    assert sure.min() == pytest.approx(0.9)


def test_a_visit_may_start_where_the_beam_is() -> None:
    atoms = {"y_px": np.array([0.0, 59.0]), "x_px": np.array([0.0, 99.0])}
    first = beam_targets(atoms, SHAPE, TargetRule(start=(1.0, 1.0))).columns["x_px"][0]
    assert first == 99.0


def test_a_class_is_chosen_by_the_operators_name_for_it() -> None:
    targets = beam_targets(
        some_atoms(3, 50), SHAPE, TargetRule(classes=("si dopant",)), class_names={0: "C", 2: "Si dopant"}
    )
    assert set(targets.columns["class_id"].tolist()) == {2}


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        ({"classes": ("gold",)}, "no-such-class"),
        ({"edge_nm": 0.1}, "no-pixel-size"),
        ({"apart_nm": 0.1}, "no-pixel-size"),
    ],
)
def test_a_rule_that_cannot_be_kept_says_what_to_do(rule: dict[str, Any], code: str) -> None:
    with pytest.raises(BadParameters) as refused:
        beam_targets(some_atoms(1, 9), SHAPE, TargetRule.model_validate(rule), class_names={0: "C"})
    assert refused.value.code == code
    assert len(refused.value.hint) > 20


@pytest.mark.parametrize(
    "rule", [{"classes": (1,)}, {"min_confidence": 0.5}, {"min_score": 0.1}, {"order": "confidence"}]
)
def test_a_rule_needs_its_column(rule: dict[str, Any]) -> None:
    bare = {"y_px": np.zeros(1), "x_px": np.zeros(1)}
    with pytest.raises(BadParameters) as refused:
        beam_targets(bare, SHAPE, TargetRule.model_validate(rule))
    assert refused.value.code == "no-such-column"


@pytest.mark.parametrize(
    "rule", [{"edge_px": -1.0}, {"at_most": 0}, {"order": "random"}, {"apart_px": np.nan}]
)
def test_nonsense_is_no_rule(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TargetRule.model_validate(rule)


def test_thousands_of_targets_are_bounded_work() -> None:
    targets = beam_targets(some_atoms(5, 6000), SHAPE, TargetRule(at_most=5000))
    assert len(targets) == 5000
