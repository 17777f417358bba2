"""Every optimiser behind the one protocol."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from paretoscope.core import pareto
from paretoscope.optimise.gp import Surrogate, quiet_single_thread, worth_fitting
from paretoscope.optimise.make import make_optimiser
from paretoscope.optimise.protocol import clipped
from paretoscope.optimise.qnehvi import BayesianOptimiser, Lean
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.warm import never_compile

REF = (1.0, 1.0)
NAMES = ("sobol", "nsga2", "qnehvi", "qlognehvi")


@pytest.fixture(autouse=True)
def _no_compiler():
    never_compile()


def zdt(x: np.ndarray) -> np.ndarray:
    """A convex front f2 = 1 - sqrt(f1), reached where all but the first coordinate are nought."""
    g = 1.0 + 3.0 * x[:, 1:].mean(axis=1)
    return np.column_stack([x[:, 0], g * (1.0 - np.sqrt(x[:, 0] / g))])


def run(optimiser, steps: int, batch: int = 4) -> float:
    x = sobol_points(24, 3, seed=7)
    optimiser.observe(x, zdt(x))
    for _ in range(steps):
        x = optimiser.suggest(batch)
        assert x.shape == (batch, 3)
        assert ((x >= 0) & (x <= 1)).all()
        optimiser.observe(x, zdt(x))
    return pareto.hypervolume(optimiser.front()[1], REF)


@pytest.mark.parametrize("name", NAMES)
def test_an_optimiser_finds_more_than_it_was_given_and_repeats_itself_for_a_seed(name):
    start = sobol_points(24, 3, seed=7)
    before = pareto.hypervolume(zdt(start), REF)
    first, again = (run(make_optimiser(name, 3, REF, seed=3), steps=4) for _ in range(2))
    assert first >= before if name == "sobol" else first > before
    assert first == again


@pytest.mark.parametrize("name", ["qnehvi", "qlognehvi"])
def test_bayesian_steps_get_further_than_as_many_sobol_points(name):
    assert run(make_optimiser(name, 3, REF, seed=1), steps=4) > run(make_optimiser("sobol", 3, REF, 1), 4)


def test_the_gradient_search_of_the_acquisition_gets_there_too():
    optimiser = BayesianOptimiser(3, REF, lean=Lean(search="gradient"))
    assert run(optimiser, steps=2, batch=2) > run(make_optimiser("sobol", 3, REF, 1), 2, batch=2)


@pytest.mark.parametrize("name", NAMES)
def test_infeasible_values_do_no_harm(name):
    optimiser = make_optimiser(name, 3, REF)
    x = sobol_points(16, 3, seed=1)
    y = zdt(x)
    y[::2] = np.inf
    optimiser.observe(x, y)
    assert np.isfinite(optimiser.suggest(4)).all()
    assert np.isfinite(optimiser.front()[1]).all()


@pytest.mark.parametrize("name", NAMES)
def test_with_nothing_feasible_there_is_no_front_but_the_search_goes_on(name):
    optimiser = make_optimiser(name, 3, REF)
    x = sobol_points(16, 3, seed=1)
    optimiser.observe(x, np.full((16, 2), np.inf))
    assert optimiser.suggest(4).shape == (4, 3)
    assert len(optimiser.front()[0]) == 0


def test_proposals_lie_where_they_can_be_evaluated():
    def on_tenths(point: np.ndarray) -> np.ndarray:
        return np.round(point * 10) / 10

    optimiser = BayesianOptimiser(3, REF, acquisition="qnehvi", snap=on_tenths)
    x = sobol_points(16, 3, seed=1)
    optimiser.observe(x, zdt(x))
    proposed = optimiser.suggest(3)
    assert np.abs(proposed - on_tenths(proposed)).max() < 1e-12


def test_the_fit_uses_float64_and_gives_the_threads_back():
    threads = torch.get_num_threads()
    with quiet_single_thread():
        x = sobol_points(16, 3, seed=1)
        model = Surrogate().fit(x, -zdt(x))
        assert torch.get_num_threads() == 1
        assert model.train_inputs[0].dtype == torch.float64
    assert torch.get_num_threads() == threads


def test_a_long_history_is_thinned_and_keeps_its_front():
    x = sobol_points(700, 3, seed=2)
    y = clipped(zdt(x), REF)
    kept = worth_fitting(y, REF, limit=100)
    assert len(kept) == len(set(kept.tolist())) <= 100
    assert set(pareto.nondominated(y, REF).tolist()) <= set(kept.tolist())
