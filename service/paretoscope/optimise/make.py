"""Optimisers by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from paretoscope.contract.policy import OptimiserName
from paretoscope.optimise.protocol import Archive, Optimiser
from paretoscope.optimise.sobol import SobolOptimiser
from paretoscope.optimise.warm import never_compile


def make_optimiser(
    name: OptimiserName,
    dimensions: int,
    reference: tuple[float, ...],
    seed: int = 0,
    snap: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Optimiser:
    """The optimiser called `name`. Its libraries are loaded with its first suggestion, not before: a search
    that ends with the screen never pays the seconds that BoTorch's import takes."""
    if name == "sobol":
        # Another sequence than the screen's, else it would suggest the screen's points again.
        return SobolOptimiser(dimensions, reference, seed + 104_729)

    def build() -> Optimiser:
        if name == "nsga2":
            from paretoscope.optimise.nsga2 import Nsga2Optimiser

            return Nsga2Optimiser(dimensions, reference, seed)
        never_compile()
        from paretoscope.optimise.qnehvi import BayesianOptimiser

        return BayesianOptimiser(dimensions, reference, seed, acquisition=name, snap=snap)

    return _Deferred(name, Archive(dimensions, reference), build)


class _Deferred:
    """An optimiser that is built when it is first asked, and told then what was observed so far."""

    def __init__(self, name: str, archive: Archive, build: Callable[[], Optimiser]) -> None:
        self.name = name
        self._archive = archive
        self._build = build
        self._built: Optimiser | None = None

    def suggest(self, n: int) -> np.ndarray:
        if self._built is None:
            self._built = self._build()
            self._built.observe(self._archive.x, self._archive.y)
        return self._built.suggest(n)

    def observe(self, x: np.ndarray, y: np.ndarray) -> None:
        self._archive.add(x, y)
        if self._built is not None:
            self._built.observe(x, y)

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        return self._archive.front()
