"""One parameter set, judged: rewards, and what decides between sets with the same rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract import LogParams, RewardValue
from paretoscope.core import rewards

if TYPE_CHECKING:
    from typing import Any as Blobs
    from typing import Any as CandidateSet

    from paretoscope.core.expectation import Expectation


@dataclass(frozen=True)
class Scored:
    params: LogParams
    values: np.ndarray
    """(objectives,) float64, minimised; ``inf`` where infeasible."""
    rewards: dict[str, RewardValue]
    n_found: int
    """Counted atoms: those in lattice and vacuum areas."""
    contrast: float
    """How far accepted responses stand above rejected ones; see ``contrast``."""


class Scorer:
    """Judges parameter sets on one image or window.

    names: the objectives, from the registry of rewards. reference: one value per objective; a set that is not
    strictly inside it is infeasible, which covers finding nothing and finding many times too much.
    """

    def __init__(
        self,
        candidates: CandidateSet,
        expectation: Expectation,
        names: Sequence[str] = ("qc", "er"),
        reference: Sequence[float] = (1.0, 1.0),
    ) -> None:
        rewards.check_names(names)
        self.candidates = candidates
        self.expectation = expectation
        self.names = tuple(names)
        self.reference = np.asarray(reference, dtype=np.float64)
        self._pools: dict[tuple[float, float], np.ndarray] = {}

    def score(self, params: LogParams) -> Scored:
        blobs = self.candidates.select(params)
        keep = rewards.counted(blobs, self.expectation)
        found = int(np.count_nonzero(keep))
        given: dict[str, RewardValue] = {}
        values = np.full(len(self.names), np.inf)
        for index, name in enumerate(self.names):
            given |= rewards.evaluate([name], blobs, self.expectation)
            value = given[name].value
            if value is None or not value < self.reference[index]:
                # Outside the reference point nothing else matters: a heap of noise is not worth a neighbour
                # search among ten thousand blobs.
                return Scored(params, np.full(len(self.names), np.inf), given, found, 0.0)
            values[index] = value
        return Scored(
            params, values, given, found, contrast(blobs.response, self.pool(params), params.threshold)
        )

    def blobs(self, params: LogParams) -> Blobs:
        return self.candidates.select(params)

    def count(self, params: LogParams) -> int:
        """N_found alone."""
        blobs = self.candidates.select(params)
        return int(np.count_nonzero(rewards.counted(blobs, self.expectation)))

    def pool(self, params: LogParams) -> np.ndarray:
        """Ascending responses of every candidate in the scale range of `params`, overlapping or not."""
        key = (params.sigma_min, params.sigma_max)
        if key not in self._pools:
            everything = params.model_copy(update={"threshold": self.candidates.floor, "overlap": 1.0})
            self._pools[key] = np.sort(self.candidates.select(everything).response)
        return self._pools[key]


def contrast(accepted: np.ndarray, pool: np.ndarray, threshold: float) -> float:
    """The distance between accepted and rejected responses in units of their spread; 0 or more.

    accepted: responses of the atoms found. pool: ascending responses of all candidates at those scales; the
    rejected ones are those below `threshold`. Where nothing was rejected, the threshold stands for them.
    """
    if accepted.size == 0:
        return 0.0
    rejected = pool[: np.searchsorted(pool, threshold)]
    low = float(rejected.mean()) if rejected.size else threshold
    spread = float(accepted.std()) + (float(rejected.std()) if rejected.size else 0.0)
    gap = float(accepted.mean()) - low
    return max(gap, 0.0) / (spread + 0.02 * float(accepted.mean()) + 1e-12)
