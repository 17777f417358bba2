"""Blobs of one image at one set of parameters: skimage's blob_log, faster and on any device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from paretoscope.contract import LogParams
from paretoscope.core.peaks import SpatialMaxima, peaks_between, spatial_maxima
from paretoscope.core.prune import kept_after_pruning
from paretoscope.core.scale_space import linear_scales


@dataclass(frozen=True)
class Blobs:
    """Columns of equal length (N), strongest response first; equal ones in the order of (y, x, sigma)."""

    y_px: npt.NDArray[np.float32]
    """Row; whole pixels as detected."""
    x_px: npt.NDArray[np.float32]
    sigma_px: npt.NDArray[np.float32]
    """Scale of the strongest response; the blob's radius is about sqrt(2) sigma."""
    response: npt.NDArray[np.float32]
    """Scale-normalised LoG response; half of a matched Gaussian blob's height above its surroundings."""
    capped: bool = False
    """True when there were more candidates than the cap and the weakest were left out."""

    def __len__(self) -> int:
        return len(self.response)

    def take(self, index: npt.NDArray) -> Blobs:
        """These rows (an index or a mask), in the order given."""
        return Blobs(
            self.y_px[index], self.x_px[index], self.sigma_px[index], self.response[index], self.capped
        )

    @classmethod
    def none(cls) -> Blobs:
        empty = np.empty(0, dtype=np.float32)
        return cls(empty, empty, empty, empty)


def detect_blobs(
    image_unit: npt.NDArray[np.float32],
    params: LogParams,
    device: str | torch.device = "cpu",
    cap: int | None = None,
) -> Blobs:
    """Find the blobs that ``skimage.feature.blob_log`` finds with these parameters and exclude_border=False.

    image_unit: (rows, columns) float32 in [0, 1], see `intensity.to_unit`.
    cap: most scale-space peaks that enter pruning, the strongest first (None: `peaks.default_cap`).

    The blobs differ from skimage's only where rounding decides: a response within about 1e-6 of the threshold
    or of a neighbouring voxel, or two responses that close where the order of blobs decides between them.
    """
    scales = linear_scales(params)
    maxima = spatial_maxima(image_unit, scales, params.threshold, device, cap, peaks_only=True)
    return blobs_between(maxima, scales, 0, len(scales) - 1, params.threshold, params.overlap, cap)


def blobs_between(
    maxima: SpatialMaxima,
    scales: npt.NDArray[np.float32],
    first: int,
    last: int,
    threshold: float,
    overlap: float,
    cap: int | None = None,
    exact: bool = True,
) -> Blobs:
    """The blobs of the stack cut to scales first..last: its peaks above the threshold, pruned."""
    rows, capped = peaks_between(maxima, first, last, threshold, cap)
    y, x, sigma = maxima.y_px[rows], maxima.x_px[rows], scales[maxima.scale[rows]]
    keep, complete = kept_after_pruning(y, x, sigma, overlap, exact)
    return Blobs(
        y_px=y[keep].astype(np.float32),
        x_px=x[keep].astype(np.float32),
        sigma_px=sigma[keep],
        response=maxima.response[rows][keep],
        capped=capped or maxima.capped or not complete,
    )
