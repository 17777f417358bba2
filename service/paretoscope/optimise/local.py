"""A closer look round the front: no model, no bookkeeping, for evaluations that cost microseconds.

Each suggestion is a point of the front with some of its coordinates moved, by small and large steps in turn.
"""

from __future__ import annotations

import numpy as np

from paretoscope.optimise.protocol import Archive
from paretoscope.optimise.sobol import sobol_points

WIDTHS = (0.01, 0.04, 0.15)
"""Standard deviations of the moves, in the unit cube."""
MOVED = 0.5
"""Share of the coordinates that a move changes."""


class LocalOptimiser:
    """Suggests the neighbourhood of the best so far; where there is none yet, Sobol points."""

    name = "local"

    def __init__(self, dimensions: int, reference: tuple[float, ...], seed: int = 0) -> None:
        self._archive = Archive(dimensions, reference)
        self._random = np.random.default_rng((seed, 7))
        self._seed = seed
        self._given = 0

    def suggest(self, n: int) -> np.ndarray:
        best, _ = self._archive.front()
        dimensions = self._archive.dimensions
        if len(best) == 0:
            self._given += n
            return sobol_points(self._given, dimensions, self._seed + 15_485_863)[self._given - n :]
        centre = best[self._random.integers(len(best), size=n)]
        moved = self._random.random((n, dimensions)) < MOVED
        moved[np.arange(n), self._random.integers(dimensions, size=n)] = True
        width = np.array(WIDTHS)[np.arange(n) % len(WIDTHS), None]
        return np.clip(centre + moved * width * self._random.standard_normal((n, dimensions)), 0.0, 1.0)

    def observe(self, x: np.ndarray, y: np.ndarray) -> None:
        self._archive.add(x, y)

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        return self._archive.front()
