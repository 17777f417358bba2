"""Bayesian steps: noisy expected hypervolume improvement, plain and logarithmic.

qNEHVI: Daulton, Balandat, Bakshy, NeurIPS 2021.  qLogNEHVI: Ament et al., NeurIPS 2023.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.monte_carlo import qNoisyExpectedHypervolumeImprovement
from botorch.models import SingleTaskGP
from botorch.optim import optimize_acqf, optimize_acqf_discrete
from botorch.sampling.normal import SobolQMCNormalSampler

from paretoscope.core import pareto
from paretoscope.optimise.gp import MAX_POINTS, Surrogate, quiet_single_thread, worth_fitting
from paretoscope.optimise.protocol import Archive, clipped
from paretoscope.optimise.sobol import sobol_points

Snap = Callable[[np.ndarray], np.ndarray]

MAX_BASELINE = 24
"""Front points the improvement is measured from; the box decomposition grows with them."""


@dataclass(frozen=True)
class Lean:
    """Settings that trade the last per cent of an acquisition's optimum for a fifth of the time."""

    samples: int = 32
    fit_maxiter: int = 30
    search: Literal["pool", "gradient"] = "pool"
    """'pool': the best of a finite pool of points. 'gradient': L-BFGS-B from the best raw samples."""
    pool: int = 192
    restarts: int = 2
    raw_samples: int = 64
    maxiter: int = 40


class BayesianOptimiser:
    """Suggests where the front is expected to grow most.

    acquisition: 'qnehvi' or 'qlognehvi'.  snap: moves a proposal to a point that can be evaluated (the scale
    grid), so that no proposal is a copy of a known one.
    """

    def __init__(
        self,
        dimensions: int,
        reference: tuple[float, ...],
        seed: int = 0,
        acquisition: Literal["qnehvi", "qlognehvi"] = "qlognehvi",
        lean: Lean | None = None,
        snap: Snap | None = None,
    ) -> None:
        self.name = acquisition
        self._archive = Archive(dimensions, reference)
        self._seed = seed
        self._lean = lean or Lean()
        self._snap = snap
        self._surrogate = Surrogate(self._lean.fit_maxiter)
        self._steps = 0

    def observe(self, x: np.ndarray, y: np.ndarray) -> None:
        self._archive.add(x, y)

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        return self._archive.front()

    def suggest(self, n: int) -> np.ndarray:
        """(n, dimensions); Sobol points until a few have been observed."""
        archive = self._archive
        self._steps += 1
        if len(archive) < 2 * archive.dimensions:
            return sobol_points(n, archive.dimensions, self._seed + self._steps)
        y = clipped(archive.y, archive.reference)
        kept = worth_fitting(y, archive.reference, MAX_POINTS)
        with quiet_single_thread(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed + self._steps)
            # The one place where signs flip: BoTorch maximises.
            model = self._surrogate.fit(archive.x[kept], -y[kept])
            acquisition = self._acquisition(model, archive.x[kept], y[kept])
            if self._lean.search == "pool":
                return self._from_pool(acquisition, n)
            return self._by_gradient(acquisition, n)

    def _acquisition(self, model: SingleTaskGP, x: np.ndarray, y: np.ndarray):
        front = pareto.nondominated(y, self._archive.reference)
        if front.size == 0:
            front = np.argsort(y.sum(axis=1), kind="stable")[:MAX_BASELINE]
        elif front.size > MAX_BASELINE:
            front = front[np.linspace(0, front.size - 1, MAX_BASELINE).round().astype(int)]
        make = (
            qLogNoisyExpectedHypervolumeImprovement
            if self.name == "qlognehvi"
            else qNoisyExpectedHypervolumeImprovement
        )
        return make(
            model=model,
            ref_point=[-value for value in self._archive.reference],
            X_baseline=torch.as_tensor(x[front], dtype=torch.float64),
            sampler=SobolQMCNormalSampler(torch.Size([self._lean.samples]), seed=self._seed + self._steps),
            prune_baseline=False,
        )

    def _from_pool(self, acquisition, n: int) -> np.ndarray:
        pool = self._pool()
        chosen, _ = optimize_acqf_discrete(
            acquisition, q=min(n, len(pool)), choices=torch.as_tensor(pool), unique=True
        )
        return chosen.detach().numpy()

    def _pool(self) -> np.ndarray:
        """(<= pool, dimensions): half spread over the cube, half near the front at three distances."""
        archive, half = self._archive, self._lean.pool // 2
        pool = sobol_points(half, archive.dimensions, self._seed * 7919 + self._steps)
        near, _ = archive.front()
        if len(near):
            random = np.random.default_rng((self._seed, self._steps))
            widths = np.array([0.02, 0.08, 0.25])[np.arange(half) % 3, None]
            around = near[random.integers(len(near), size=half)]
            # First in the pool: where the acquisition is nought everywhere (plain qNEHVI late in a search),
            # the first point wins, and next to the front is the better place to be.
            pool = np.vstack([around + widths * random.standard_normal(around.shape), pool])
        pool = np.clip(pool, 0.0, 1.0)
        if self._snap is not None:
            pool = np.array([self._snap(point) for point in pool])
        _, first = np.unique(pool, axis=0, return_index=True)
        return pool[np.sort(first)]

    def _by_gradient(self, acquisition, n: int) -> np.ndarray:
        d = self._archive.dimensions
        chosen, _ = optimize_acqf(
            acquisition,
            bounds=torch.stack([torch.zeros(d), torch.ones(d)]).to(torch.float64),
            q=n,
            num_restarts=self._lean.restarts,
            raw_samples=self._lean.raw_samples,
            options={"maxiter": self._lean.maxiter, "batch_limit": self._lean.restarts},
            sequential=True,
        )
        points = chosen.detach().numpy()
        return points if self._snap is None else np.array([self._snap(point) for point in points])
