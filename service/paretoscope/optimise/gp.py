"""The surrogate: independent float64 GPs, one per objective, fitted leanly and warm-started.

Lean settings are measured (two cores, 4 parameters, 2 objectives): they take 0.2-0.3 s a step where
BoTorch's tutorial settings take about 1 s, and one thread is 4-5 times faster than two for matrices this
small.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from botorch.exceptions.warnings import (
    BadInitialCandidatesWarning,
    InputDataWarning,
    NumericsWarning,
    OptimizationWarning,
)
from botorch.models import SingleTaskGP
from botorch.models.transforms.outcome import Standardize
from botorch.optim.fit import fit_gpytorch_mll_scipy
from gpytorch.mlls import ExactMarginalLogLikelihood
from gpytorch.utils.warnings import NumericalWarning as GPyTorchNumericalWarning
from linear_operator.utils.warnings import NumericalWarning

from paretoscope.core import pareto

MAX_POINTS = 128
"""Points a GP is fitted to; the fit costs their cube."""


EXPECTED = (
    OptimizationWarning,  # a fit that stops after 30 iterations, on purpose
    NumericalWarning,  # jitter of 1e-8 on a nearly singular kernel: points close to the front are close
    GPyTorchNumericalWarning,
    InputDataWarning,
    BadInitialCandidatesWarning,  # plain qNEHVI is zero far from the front
    NumericsWarning,  # BoTorch's advice to take the log variant of qNEHVI: both are offered, and measured
)


@contextmanager
def quiet_single_thread() -> Iterator[None]:
    """One torch thread, and no warnings about what lean fits do on purpose.

    Only the categories in ``EXPECTED`` are silenced; any other warning passes.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        # linear_operator builds sparse interpolation matrices; saying that their check stays off (as it is
        # by default) is what torch asks for.
        with warnings.catch_warnings(), torch.sparse.check_sparse_tensor_invariants(False):
            for category in EXPECTED:
                warnings.simplefilter("ignore", category=category)
            yield
    finally:
        torch.set_num_threads(threads)


def worth_fitting(y: np.ndarray, reference: tuple[float, ...], limit: int = MAX_POINTS) -> np.ndarray:
    """Indices of at most `limit` points: the front, those nearest to it, and a quarter spread over the rest.

    y: (n, objectives) finite.  The last quarter is the earliest points, which a screen spread evenly.
    """
    if len(y) <= limit:
        return np.arange(len(y))
    scaled = y / np.asarray(reference)
    best = pareto.nondominated(y, reference)
    if best.size == 0:
        return np.arange(limit)
    distance = np.min(np.linalg.norm(scaled[:, None, :] - scaled[best][None, :64, :], axis=2), axis=1)
    near = np.argsort(distance, kind="stable")[: limit - limit // 4]
    rest = np.setdiff1d(np.arange(len(y)), near)[: limit // 4]
    return np.sort(np.concatenate([near, rest]))


class Surrogate:
    """Fits again and again, starting each fit from the hyperparameters of the one before."""

    def __init__(self, maxiter: int = 30) -> None:
        self._maxiter = maxiter
        self._state: dict[str, Any] | None = None

    def fit(self, x: np.ndarray, y: np.ndarray) -> SingleTaskGP:
        """x: (n, d) in the unit cube; y: (n, m), *maximised* as BoTorch wants it."""
        inputs = torch.as_tensor(x, dtype=torch.float64)
        outcomes = torch.as_tensor(y, dtype=torch.float64)
        # The unit cube is the normalised input; outputs of one batched SingleTaskGP are independent GPs.
        model = SingleTaskGP(inputs, outcomes, outcome_transform=Standardize(m=outcomes.shape[-1]))
        if self._state is not None:
            named = dict(model.named_parameters())
            with torch.no_grad():
                for name, value in self._state.items():
                    named[name].copy_(value)
        mll = ExactMarginalLogLikelihood(model.likelihood, model)
        fit_gpytorch_mll_scipy(mll, options={"maxiter": self._maxiter})
        self._state = {name: value.detach().clone() for name, value in model.named_parameters()}
        return model.eval()
