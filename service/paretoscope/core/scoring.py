"""One parameter set, judged: its rewards, and what decides between sets with the same rewards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract import LogParams, RewardValue
from paretoscope.core import rewards
from paretoscope.core.tie_break import tie_break

if TYPE_CHECKING:
    from paretoscope.core.blobs import Blobs
    from paretoscope.core.candidates import CandidateSet
    from paretoscope.core.expectation import Expectation


@dataclass(frozen=True)
class Scored:
    params: LogParams
    values: np.ndarray
    """(objectives,) float64, minimised; ``inf`` where infeasible."""
    rewards: dict[str, RewardValue]
    n_found: int
    """Counted atoms: those in lattice and vacuum areas."""
    tie_break: float
    """Among equal values the larger one wins; 0 where infeasible. See ``core.tie_break``."""


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
        self.reference = tuple(float(value) for value in reference)
        self._pools: dict[tuple[int, int], np.ndarray] = {}

    def score(self, params: LogParams) -> Scored:
        """params: on the candidates' grid, see ``CandidateSet.snap``."""
        rough = self.candidates.select(params, exact=False)
        if not self._may_count(rough):
            found = int(np.count_nonzero(rewards.counted(rough, self.expectation)))
            qc = rewards.evaluate(["qc"], rough, self.expectation)
            return Scored(params, np.full(len(self.names), np.inf), qc, found, 0.0)
        blobs = self.candidates.select(params)
        found = int(np.count_nonzero(rewards.counted(blobs, self.expectation)))
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
        return Scored(params, values, given, found, self.tie_break(params, blobs))

    def _may_count(self, rough: Blobs) -> bool:
        """Whether a set is worth resolving in skimage's own order, which takes long in a heap of noise.

        The rough count differs by a few per cent; only what lies far outside is dropped.
        """
        qc = rewards.evaluate(["qc"], rough, self.expectation)["qc"].value
        return qc is None or qc < 1.5

    def tie_break(self, params: LogParams, blobs: Blobs) -> float:
        first, last = self._scale(params.sigma_min), self._scale(params.sigma_max)
        scales = len(self.candidates.sigmas)
        return tie_break(blobs.response, params.threshold, first, last, scales, self.pool)

    def pool(self, first: int, last: int) -> np.ndarray:
        """Ascending responses of every candidate in a range of scales, overlapping or not."""
        if (first, last) not in self._pools:
            everything = unpruned(self.candidates, first, last)
            self._pools[first, last] = np.sort(self.candidates.select(everything, exact=False).response)
        return self._pools[first, last]

    def _scale(self, sigma_px: float) -> int:
        return int(np.abs(self.candidates.sigmas - sigma_px).argmin())


def unpruned(candidates: CandidateSet, first: int, last: int) -> LogParams:
    """Parameters that give every candidate of the scales first..last on the grid."""
    return LogParams(
        sigma_min=float(candidates.sigmas[first]),
        sigma_max=float(candidates.sigmas[last]),
        threshold=candidates.floor,
        overlap=1.0,
        num_sigma=last - first + 1,
    )
