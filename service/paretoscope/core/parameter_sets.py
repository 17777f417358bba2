"""Many parameter sets as columns: what is scored together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paretoscope.contract import LogParams


@dataclass(frozen=True)
class ParameterSets:
    """Columns of equal length; scales are indices on a candidate set's grid."""

    first: npt.NDArray[np.int32]
    """Lowest scale."""
    last: npt.NDArray[np.int32]
    """Highest scale, never below `first`."""
    threshold: npt.NDArray[np.float64]
    overlap: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.first)

    def take(self, index: npt.NDArray) -> ParameterSets:
        """These sets (an index or a mask), in the order given."""
        return ParameterSets(self.first[index], self.last[index], self.threshold[index], self.overlap[index])

    def at_least(self, floor: float) -> ParameterSets:
        """The same with no threshold below `floor`."""
        return ParameterSets(self.first, self.last, np.maximum(self.threshold, floor), self.overlap)

    def params(self, index: int, sigmas: npt.NDArray[np.float32]) -> LogParams:
        """One of them, as a document. sigmas: the grid, px."""
        first, last = int(self.first[index]), int(self.last[index])
        return LogParams(
            sigma_min=float(sigmas[first]),
            sigma_max=float(sigmas[last]),
            threshold=float(self.threshold[index]),
            overlap=float(self.overlap[index]),
            num_sigma=last - first + 1,
        )

    @classmethod
    def nearest(cls, params: Sequence[LogParams], sigmas: npt.NDArray[np.float32]) -> ParameterSets:
        """`params` moved to the nearest scales of the grid."""
        lows, highs = (np.array([getattr(p, name) for p in params]) for name in ("sigma_min", "sigma_max"))
        first = np.abs(sigmas[None, :] - lows.reshape(-1, 1)).argmin(axis=1)
        last = np.abs(sigmas[None, :] - highs.reshape(-1, 1)).argmin(axis=1)
        return cls(
            first.astype(np.int32),
            np.maximum(first, last).astype(np.int32),
            np.array([p.threshold for p in params], dtype=np.float64),
            np.array([p.overlap for p in params], dtype=np.float64),
        )

    @classmethod
    def stacked(cls, parts: Sequence[ParameterSets]) -> ParameterSets:
        """All of them, one after the other."""
        return cls(
            *(
                np.concatenate([getattr(part, name) for part in parts])
                for name in ("first", "last", "threshold", "overlap")
            )
        )
