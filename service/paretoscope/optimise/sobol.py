"""Quasi-random screening: no model, no overhead, hard to beat where an evaluation takes a millisecond."""

from __future__ import annotations

import numpy as np
from scipy.stats import qmc

from paretoscope.optimise.protocol import Archive


def sobol_points(n: int, dimensions: int, seed: int) -> np.ndarray:
    """(n, dimensions) scrambled Sobol points in [0, 1)."""
    if n == 0:
        return np.empty((0, dimensions))
    engine = qmc.Sobol(dimensions, scramble=True, rng=np.random.default_rng(seed))
    # Drawn as a power of two, which the sequence's balance needs; the first n of them are what n asks for.
    return engine.random_base2(max(0, int(np.ceil(np.log2(n)))))[:n]


class SobolOptimiser:
    """Suggests the next points of one scrambled Sobol sequence, whatever it observes."""

    name = "sobol"

    def __init__(self, dimensions: int, reference: tuple[float, ...], seed: int = 0) -> None:
        self._archive = Archive(dimensions, reference)
        self._seed = seed
        self._given = 0

    def suggest(self, n: int) -> np.ndarray:
        points = sobol_points(self._given + n, self._archive.dimensions, self._seed)[self._given :]
        self._given += n
        return points

    def observe(self, x: np.ndarray, y: np.ndarray) -> None:
        self._archive.add(x, y)

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        return self._archive.front()
