"""Every blob an image can have, found once, so that a parameter set is scored without touching pixels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs, blobs_between
from paretoscope.core.candidate_table import CandidateTable, make_table
from paretoscope.core.peaks import SpatialMaxima, default_cap, spatial_maxima
from paretoscope.core.scale_space import exact_grid
from paretoscope.errors import BadParameters


@dataclass(frozen=True)
class CandidateSet:
    """The spatial maxima of an image's scale space at every scale of a linear grid.

    `select` gives exactly what `detect_blobs` gives for parameters on the grid, from the table alone.
    """

    maxima: SpatialMaxima
    sigmas: npt.NDArray[np.float32]
    """(S,) the linear grid, px."""
    floor: float
    """Responses up to here were not kept: thresholds below it cannot be asked for."""
    cap: int | None
    """Most peaks that enter pruning (None: `peaks.default_cap`)."""

    @classmethod
    def build(
        cls,
        image_unit: npt.NDArray[np.float32],
        sigmas: npt.ArrayLike,
        floor: float,
        device: str | torch.device = "cpu",
        cap: int | None = None,
    ) -> CandidateSet:
        """Compute the scale space of `image_unit` and keep its maxima above `floor`.

        image_unit: (rows, columns) float32 in [0, 1].  sigmas: (S,) evenly spaced, px; `.sigmas` differs from
        it by about 1e-6, see `scale_space.exact_grid`.  Raises BadParameters for other scales.
        """
        grid = exact_grid(sigmas)
        return cls(spatial_maxima(image_unit, grid, floor, device, cap), grid, float(floor), cap)

    def __len__(self) -> int:
        return len(self.maxima)

    @cached_property
    def table(self) -> CandidateTable:
        """Laid out for scoring, with all that overlaps: made when it is first asked for."""
        return make_table(self.maxima, self.sigmas)

    @property
    def most_peaks(self) -> int:
        """That may enter pruning."""
        return default_cap(self.maxima.shape) if self.cap is None else self.cap

    @property
    def capped(self) -> bool:
        """True when some scale had more maxima than the cap: the image is mostly noise at this floor."""
        return self.maxima.capped

    def snap(self, params: LogParams) -> LogParams:
        """The nearest parameters that lie on the grid, with as many scales as the grid has between them."""
        return snapped(self.sigmas, self.floor, params)

    def select(self, params: LogParams, exact: bool = True) -> Blobs:
        """The blobs of ``detect_blobs(image, self.snap(params))``.

        exact: False is for scoring many parameter sets: where blobs overlap in chains (in noise, mostly) they
        are resolved strongest pair first, about one blob in a hundred differs, and a tangle of a thousand
        blobs takes 1 ms instead of 20.

        Raises BadParameters for a sigma off the grid by more than a thousandth of a step, or a threshold
        below the floor. `params.num_sigma` is taken from the grid.
        """
        first, last = self._index(params.sigma_min), self._index(params.sigma_max)
        if params.threshold < self.floor:
            raise BadParameters(
                hint=f"The threshold {params.threshold:g} is below the candidates' floor {self.floor:g}; "
                "raise it, or build the candidates with a lower floor."
            )
        return blobs_between(
            self.maxima, self.sigmas, first, last, params.threshold, params.overlap, self.cap, exact
        )

    def inside(self, y0: int, x0: int, height: int, width: int) -> CandidateSet:
        """The candidates with y0 <= y < y0 + height and x0 <= x < x0 + width; coordinates stay the frame's.

        Responses are those of the whole frame: a window's edge is no border.
        """
        y, x = self.maxima.y_px, self.maxima.x_px
        within = (y >= y0) & (y < y0 + height) & (x >= x0) & (x < x0 + width)
        return CandidateSet(self.maxima.take(within), self.sigmas, self.floor, self.cap)

    def _index(self, sigma_px: float) -> int:
        index = int(np.abs(self.sigmas - sigma_px).argmin())
        step = float(self.sigmas[1] - self.sigmas[0]) if len(self.sigmas) > 1 else float(self.sigmas[0])
        if abs(float(self.sigmas[index]) - sigma_px) > 1e-3 * step:
            raise BadParameters(
                hint=f"The scale {sigma_px:g} px is not on the grid of {len(self.sigmas)} scales from "
                f"{self.sigmas[0]:g} to {self.sigmas[-1]:g} px; call snap() first."
            )
        return index


def snapped(sigmas: npt.NDArray[np.float32], floor: float, params: LogParams) -> LogParams:
    """The nearest parameters on a grid of scales, with as many of them as it has between the two ends."""
    first = int(np.abs(sigmas - params.sigma_min).argmin())
    last = max(first, int(np.abs(sigmas - params.sigma_max).argmin()))
    return LogParams(
        sigma_min=float(sigmas[first]),
        sigma_max=float(sigmas[last]),
        threshold=max(params.threshold, floor),
        overlap=params.overlap,
        num_sigma=last - first + 1,
    )
