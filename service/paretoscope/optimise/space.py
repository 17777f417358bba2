"""Where LoG* searches: the unit cube on one side, blob_log parameters on the other.

Lengths are in units of the expected distance d between nearest neighbours, so that magnification and
sampling do not matter; thresholds are on a logarithmic scale between the weakest and the strongest response
of the image at hand, so that its contrast does not matter either. Scattered atoms have no such
distance; their measured width stands in for it. The cube's four axes:

    0  sigma_min   from SIGMA_BOUNDS[0] d to SIGMA_BOUNDS[1] d, on the grid of scales
    1  sigma_max   from sigma_min (0) to SIGMA_BOUNDS[1] d (1), on the grid: never below sigma_min
    2  threshold   log(threshold_low) to log(threshold_high)
    3  overlap     0 to 1
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from paretoscope.contract import LogParams
from paretoscope.core.parameter_sets import ParameterSets
from paretoscope.errors import BadParameters

DIMENSIONS = 4
SIGMA_BOUNDS = (0.1, 0.6)
"""Widths of atoms in units of d. A perovskite's columns have about 0.15-0.3 d, graphene's 0.3-0.45 d."""
BLOB_BOUNDS = (0.7, 2.2)
"""The same in units of a scattered atom's measured width: against white noise a filter sqrt(3) times as wide
as the atom is best, against a textured support one about as wide."""
MIN_SIGMA_PX = 0.6
"""Below this a Gaussian falls between the pixels and the response is that of single pixels."""
DEFAULT_GRID = 16


@dataclass(frozen=True)
class LogSpace:
    """The box of LoG* parameters for one image or window.

    Raises BadParameters for a neighbour distance that is not positive, a grid of less than two scales or
    more than 64, or thresholds out of order.
    """

    neighbour_px: float
    num_grid: int = DEFAULT_GRID
    threshold_low: float = 1e-3
    """On an image in [0, 1]; the weakest response a candidate may have."""
    threshold_high: float = 1.0
    """The strongest response there is."""
    blob_sigma_px: float | None = None
    """Width of the atoms, px, where it was measured: the scales are then those of BLOB_BOUNDS."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.neighbour_px) and self.neighbour_px > 0.0):
            raise BadParameters(
                "bad-neighbour-distance",
                hint=f"The neighbour distance must be positive, not {self.neighbour_px} px: give a lattice.",
            )
        if not 2 <= self.num_grid <= 64:
            raise BadParameters("bad-grid", hint=f"The scale grid takes 2 to 64 scales, not {self.num_grid}.")
        if not 0.0 < self.threshold_low < self.threshold_high:
            raise BadParameters(
                "bad-threshold-range",
                hint=f"Thresholds must be 0 < low < high, not {self.threshold_low}, {self.threshold_high}.",
            )

    def scaled_to(self, responses: np.ndarray, floor: float) -> LogSpace:
        """The same box with thresholds between `floor` and the strongest of `responses`."""
        strongest = float(np.max(responses, initial=0.0))
        low = max(float(floor), strongest * 1e-3, 1e-9)
        return replace(self, threshold_low=low, threshold_high=max(strongest, low * 2.0))

    @property
    def sigma_bounds_px(self) -> tuple[float, float]:
        unit, (least, most) = self.neighbour_px, SIGMA_BOUNDS
        if self.blob_sigma_px is not None:
            unit, (least, most) = self.blob_sigma_px, BLOB_BOUNDS
        low = max(least * unit, MIN_SIGMA_PX)
        return low, max(most * unit, 2.0 * low)

    @property
    def grid(self) -> np.ndarray:
        """(num_grid,) evenly spaced standard deviations, px: any run of them is one blob_log call."""
        return np.linspace(*self.sigma_bounds_px, self.num_grid)

    def sets(self, points: np.ndarray) -> ParameterSets:
        """The parameters at points (n, 4) of the unit cube; coordinates outside it are clipped."""
        u = np.clip(np.reshape(np.asarray(points, dtype=np.float64), (-1, DIMENSIONS)), 0.0, 1.0)
        last = self.num_grid - 1
        first = np.rint(u[:, 0] * last)
        stop = first + np.rint(u[:, 1] * (last - first))
        low, high = math.log(self.threshold_low), math.log(self.threshold_high)
        threshold = np.exp(low + u[:, 2] * (high - low))
        return ParameterSets(first.astype(np.int32), stop.astype(np.int32), threshold, u[:, 3])

    def params(self, point: np.ndarray) -> LogParams:
        """The parameters at one point (4,)."""
        return self.sets(point).params(0, self.grid)

    def point(self, params: LogParams) -> np.ndarray:
        """(4,) of the unit cube: the nearest point of the box, for parameters from anywhere."""
        last = self.num_grid - 1
        first, stop = self.scales(params)
        low, high = math.log(self.threshold_low), math.log(self.threshold_high)
        level = (math.log(max(params.threshold, 1e-300)) - low) / (high - low)
        rest = last - first
        u = [first / last, (stop - first) / rest if rest else 0.0, level, params.overlap]
        return np.clip(np.asarray(u, dtype=np.float64), 0.0, 1.0)

    def scales(self, params: LogParams) -> tuple[int, int]:
        """Indices on the grid nearest to sigma_min and sigma_max."""
        low, high = self.sigma_bounds_px
        step = (high - low) / (self.num_grid - 1)
        first, stop = (
            int(np.clip(round((sigma - low) / step), 0, self.num_grid - 1))
            for sigma in (params.sigma_min, params.sigma_max)
        )
        return first, stop

    def snap(self, point: np.ndarray) -> np.ndarray:
        """The cube point that stands for the same parameters as `point`."""
        return self.point(self.params(point))

    def carried(self, params: LogParams, neighbour_px: float | None) -> np.ndarray:
        """(4,) where parameters found at another neighbour distance (magnification, sampling) lie here."""
        ratio = self.neighbour_px / neighbour_px if neighbour_px else 1.0
        return self.point(
            params.model_copy(
                update={"sigma_min": params.sigma_min * ratio, "sigma_max": params.sigma_max * ratio}
            )
        )
