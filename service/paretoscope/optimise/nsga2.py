"""NSGA-II (Deb et al., IEEE Trans. Evol. Comput. 6, 182 (2002)) with pymoo's operators."""

from __future__ import annotations

import numpy as np
from pymoo.algorithms.moo.nsga2 import NSGA2, binary_tournament
from pymoo.core.duplicate import DefaultDuplicateElimination
from pymoo.core.mating import Mating
from pymoo.core.population import Population
from pymoo.core.problem import Problem
from pymoo.operators.crossover.sbx import SBX
from pymoo.operators.mutation.pm import PM
from pymoo.operators.selection.tournament import TournamentSelection
from pymoo.operators.survival.rank_and_crowding import RankAndCrowding

from paretoscope.optimise.protocol import Archive, clipped
from paretoscope.optimise.sobol import sobol_points


class Nsga2Optimiser:
    """Each suggestion is one generation bred from the best `population` of all that was observed."""

    name = "nsga2"

    def __init__(
        self, dimensions: int, reference: tuple[float, ...], seed: int = 0, population: int = 32
    ) -> None:
        self._archive = Archive(dimensions, reference)
        self._seed = seed
        self._population = population
        self._random = np.random.default_rng(seed)
        self._problem = Problem(n_var=dimensions, n_obj=len(reference), xl=0.0, xu=1.0)
        self._survival = RankAndCrowding()
        self._mating = Mating(
            TournamentSelection(func_comp=binary_tournament),
            SBX(eta=15, prob=0.9),
            PM(eta=20),
            eliminate_duplicates=DefaultDuplicateElimination(),
        )
        # pymoo's tournament asks the algorithm it plays for about its kind and its dice.
        self._algorithm = NSGA2(pop_size=population)
        self._algorithm.random_state = self._random

    def suggest(self, n: int) -> np.ndarray:
        if len(self._archive) < 4:
            return sobol_points(n, self._archive.dimensions, self._seed)
        parents = self._survival.do(
            self._problem,
            Population.new(X=self._archive.x, F=clipped(self._archive.y, self._archive.reference)),
            n_survive=min(self._population, len(self._archive)),
            random_state=self._random,
        )
        children = self._mating.do(
            self._problem, parents, n, algorithm=self._algorithm, random_state=self._random
        ).get("X")
        missing = n - len(children)
        if missing:  # every child was a copy of a parent
            children = np.vstack(
                [
                    np.reshape(children, (-1, self._archive.dimensions)),
                    self._random.random((missing, self._archive.dimensions)),
                ]
            )
        return np.clip(children, 0.0, 1.0)

    def observe(self, x: np.ndarray, y: np.ndarray) -> None:
        self._archive.add(x, y)

    def front(self) -> tuple[np.ndarray, np.ndarray]:
        return self._archive.front()
