"""From blobs on whole pixels to atoms with sub-pixel positions, their uncertainty and a confidence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from paretoscope.core.blobs import Blobs
from paretoscope.core.confidence import confidence, significance
from paretoscope.core.gaussian_fit import fit_atoms, fit_levels
from paretoscope.core.gaussian_kernel import AMPLITUDE, BACKGROUND, LN_SIGMA, X, Y
from paretoscope.core.parabola import Parabola, fit_parabola
from paretoscope.deadline import Deadline
from paretoscope.errors import BadParameters

Method = Literal["none", "parabola", "gaussian"]
Column = npt.NDArray[np.float32]
Values = npt.NDArray[np.float64]

LEAST_ERROR_PX = 1e-3
"""No position is claimed to be better than this: scan distortions are not in the noise model."""
PARABOLA_BIAS_PX = 0.02
"""A parabola through three pixels misses the peak of a narrow response by about this much."""


@dataclass(frozen=True)
class Refined:
    """Columns (N,) float32, row for row the blobs that came in; no NaN."""

    y_px: Column
    x_px: Column
    sigma_px: Column
    y_error_px: Column
    """One standard deviation."""
    x_error_px: Column
    amplitude: Column
    """Height above the background, in units of the image."""
    background: Column
    confidence: Column
    """0..1, see `confidence.confidence`."""

    def __len__(self) -> int:
        return len(self.y_px)


def refine(
    image_unit: npt.NDArray[np.float32], blobs: Blobs, method: Method, deadline: Deadline | None = None
) -> Refined:
    """Refine every blob of an image.

    image_unit: (rows, columns) float32 in [0, 1].
    method: "none" keeps whole pixels; "parabola" takes the peak of the matched LoG response; "gaussian" fits
    a Gaussian on a constant background to every atom, neighbours subtracted, starting from the parabola. A
    fit that runs away gives the parabola's answer; one cut short by the deadline its best so far.
    Positions stay within half a pixel of the image.

    Raises BadParameters for another method.
    """
    if method not in ("none", "parabola", "gaussian"):
        raise BadParameters(hint=f"Refinement is one of none, parabola, gaussian; not {method!r}.")
    if len(blobs) == 0:
        return Refined(*(np.empty(0, dtype=np.float32) for _ in range(8)))
    deadline = deadline or Deadline.never()
    image = np.ascontiguousarray(image_unit, dtype=np.float32)
    whole_y, whole_x, scale, response = (
        np.asarray(column, dtype=np.float64)
        for column in (blobs.y_px, blobs.x_px, blobs.sigma_px, blobs.response)
    )
    peak = fit_parabola(image, np.rint(whole_y).astype(np.int64), np.rint(whole_x).astype(np.int64), scale)
    peak = _inside(peak, image.shape)
    start = np.stack(
        [2 * response, peak.y_px, peak.x_px, np.log(peak.sigma_px), np.zeros_like(response)], axis=1
    )
    neighbour = _neighbour_distance(peak)
    still = fit_levels(image, start, neighbour)
    values, noise = still.values, still.noise
    # Position of a maximum = slope / curvature; the slope of LoG-filtered white noise has a variance of
    # 3 / (4 pi sigma^4): the integral of (d/dy sigma^2 laplace G)^2.
    slope = math.sqrt(3 / (4 * math.pi)) * noise / scale**2
    error_y = np.hypot(slope / peak.curvature_y, _parabola_bias(peak.y_px, scale, image.shape[0]))
    error_x = np.hypot(slope / peak.curvature_x, _parabola_bias(peak.x_px, scale, image.shape[1]))
    if method == "none":
        pixel = 1 / math.sqrt(12)
        error_y, error_x = np.hypot(error_y, pixel), np.hypot(error_x, pixel)
        values[:, Y], values[:, X], values[:, LN_SIGMA] = whole_y, whole_x, np.log(scale)
    if method == "gaussian" and not deadline.passed():
        fit = fit_atoms(image, values, neighbour, noise, deadline)
        good = _stayed(fit.values, start, np.hypot(error_y, error_x), image.shape)
        values = np.where(good[:, None], fit.values, values)
        error_y = np.where(good, fit.y_error_px, error_y)
        error_x = np.where(good, fit.x_error_px, error_x)
        noise = np.where(good, fit.noise, noise)
    # An error beyond the blob's own size says no more than "somewhere here".
    error_y = np.minimum(np.maximum(error_y, LEAST_ERROR_PX), 2 * scale)
    error_x = np.minimum(np.maximum(error_x, LEAST_ERROR_PX), 2 * scale)
    z = significance(blobs.response, blobs.sigma_px, noise)
    sure = confidence(z, blobs.sigma_px, float(image.size))
    columns = [values[:, Y], values[:, X], np.exp(values[:, LN_SIGMA]), error_y, error_x]
    columns += [values[:, AMPLITUDE], values[:, BACKGROUND], sure]
    return Refined(*(column.astype(np.float32) for column in columns))


def _inside(peak: Parabola, shape: tuple[int, ...]) -> Parabola:
    y, x = peak.y_px.clip(-0.5, shape[0] - 0.5), peak.x_px.clip(-0.5, shape[1] - 0.5)
    return Parabola(y, x, peak.sigma_px, peak.curvature_y, peak.curvature_x)


def _parabola_bias(at: Values, sigma: Values, side: int) -> Values:
    """Systematic error along one axis, px: an atom at the rim is drawn to its mirror image."""
    to_rim = np.minimum(at + 0.5, side - 0.5 - at)
    return PARABOLA_BIAS_PX + 0.4 * sigma * np.exp(-0.5 * (to_rim / sigma) ** 2)


def _neighbour_distance(peak: Parabola) -> Values:
    points = np.stack([peak.y_px, peak.x_px], axis=1)
    if len(points) < 2:
        return np.full_like(peak.y_px, np.inf)
    return KDTree(points).query(points, k=2)[0][:, 1]


def _stayed(values: Values, start: Values, error_px: Values, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Which fits are still about the atom they started from, (N,) bool.

    error_px: (N,) of the parabola's positions: a fit may move by three of these, or half a pixel.
    """
    sigma = np.exp(start[:, LN_SIGMA])
    moved = np.hypot(values[:, Y] - start[:, Y], values[:, X] - start[:, X])
    widened = np.abs(values[:, LN_SIGMA] - start[:, LN_SIGMA])
    y, x = values[:, Y], values[:, X]
    inside = (y >= -0.5) & (y <= shape[0] - 0.5) & (x >= -0.5) & (x <= shape[1] - 0.5)
    near = moved < np.minimum(np.maximum(3 * error_px, 0.5), np.maximum(sigma, 0.5))
    near &= widened < math.log(2)
    return inside & near & (values[:, AMPLITUDE] > 0) & np.isfinite(values).all(axis=1)
