"""QC and ER as paper 002 defines them, and rewards of one's own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from optimise.worlds import flat_expectation
from paretoscope.core import rewards
from paretoscope.errors import BadParameters


@dataclass(frozen=True)
class Places:
    y_px: np.ndarray
    x_px: np.ndarray

    def __len__(self) -> int:
        return len(self.y_px)


def places(*yx: tuple[float, float]) -> Places:
    table = np.reshape(np.asarray(yx, dtype=np.float32), (-1, 2))
    return Places(table[:, 0], table[:, 1])


def test_qc_is_the_miscount_over_the_expected_count():
    value = rewards.evaluate(["qc"], places((1, 1), (5, 5), (9, 9)), flat_expectation(4.0, 5.0))["qc"]
    assert (value.value, value.numerator, value.denominator) == (0.25, 1.0, 4.0)


def test_er_counts_every_atom_that_has_a_neighbour_too_near():
    value = rewards.evaluate(["er"], places((1, 1), (1, 2), (9, 9)), flat_expectation(4.0, 5.0))["er"]
    assert (value.value, value.numerator, value.denominator) == (0.5, 2.0, 4.0)


def test_nothing_found_is_a_reason_and_not_a_value():
    for value in rewards.evaluate(["qc", "er"], places(), flat_expectation(4.0, 5.0)).values():
        assert value.value is None
        assert value.reason == "nothing found"


def test_where_no_lattice_is_nothing_can_be_judged():
    value = rewards.evaluate(["qc"], places((1, 1)), flat_expectation(0.0, 5.0))["qc"]
    assert value.value is None
    assert "no lattice" in value.reason


def test_atoms_in_disordered_areas_do_not_count():
    disordered = np.zeros((12, 12), dtype=bool)
    disordered[6:] = True
    expectation = flat_expectation(2.0, 5.0, disordered=disordered)
    values = rewards.evaluate(["qc", "er"], places((1, 1), (1, 8), (8, 1), (8, 2), (9, 9)), expectation)
    assert values["qc"].value == 0.0
    assert values["er"].value == 0.0


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 60), st.floats(0.5, 8.0), st.integers(0, 10_000))
def test_close_atoms_agree_with_the_full_distance_matrix(count, distance, seed):
    yx = np.random.default_rng(seed).uniform(0, 30, (count, 2))
    apart = cdist(yx, yx)
    np.fill_diagonal(apart, np.inf)
    close = rewards.close_atoms(Places(yx[:, 0], yx[:, 1]), np.ones(count, dtype=bool), distance)
    assert close.tolist() == (apart.min(axis=1) < distance).tolist()


def test_a_function_of_ones_own_becomes_a_reward():
    @rewards.reward("test-mean-y")
    def mean_row(blobs, expectation):
        return float(np.mean(blobs.y_px)) if len(blobs) else float("nan")

    found = rewards.evaluate(["test-mean-y"], places((2, 0), (4, 0)), flat_expectation(1.0, 1.0))
    assert found["test-mean-y"].value == 3.0
    empty = rewards.evaluate(["test-mean-y"], places(), flat_expectation(1.0, 1.0))["test-mean-y"]
    assert empty.value is None
    assert "nan" in empty.reason
    with pytest.raises(BadParameters, match="already registered"):
        rewards.reward("test-mean-y")(lambda blobs, expectation: 0.0)


def test_an_unknown_reward_is_refused_with_the_known_ones_named():
    with pytest.raises(BadParameters, match=r"straightness.*er, qc"):
        rewards.evaluate(["straightness"], places(), flat_expectation(1.0, 1.0))
