"""What every optimiser does: propose points, be told their values, show the front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from paretoscope.core import pareto


class Optimiser(Protocol):
    """Points are (n, dimensions) float64 in the unit cube; values (n, objectives), minimised.

    An infeasible point has ``inf`` values. Nothing here knows what a point means, so that workflows whose
    evaluation takes seconds use the same optimisers as LoG*.
    """

    @property
    def name(self) -> str: ...

    def suggest(self, n: int) -> np.ndarray:
        """(n, dimensions): where to look next."""
        ...

    def observe(self, x: np.ndarray, y: np.ndarray) -> None:
        """Take the values `y` of the points `x`, whoever proposed them."""
        ...

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        """The non-dominated points and their values, by rising first objective."""
        ...


@dataclass
class Archive:
    """All that was evaluated, in order."""

    dimensions: int
    reference: tuple[float, ...]

    def __post_init__(self) -> None:
        self.x = np.empty((0, self.dimensions))
        self.y = np.empty((0, len(self.reference)))

    def __len__(self) -> int:
        return len(self.x)

    def add(self, x: np.ndarray, y: np.ndarray) -> None:
        self.x = np.vstack([self.x, np.asarray(x, dtype=np.float64)])
        self.y = np.vstack([self.y, np.asarray(y, dtype=np.float64)])

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        best = pareto.nondominated(self.y, self.reference)
        return self.x[best], self.y[best]

    def hypervolume(self) -> float:
        return pareto.hypervolume(self.y, self.reference)


def clipped(y: np.ndarray, reference: Sequence[float]) -> np.ndarray:
    """Values with everything beyond the reference point moved to just outside it.

    Models and genetic algorithms need finite numbers, and how far outside a point lies teaches them nothing:
    N_found = 50 N_expected would only flatten the scale on which the front is read.
    """
    limit = 1.1 * np.asarray(reference, dtype=np.float64)
    return np.where(np.isfinite(y), np.minimum(y, limit), limit)
