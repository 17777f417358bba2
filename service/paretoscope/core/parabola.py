"""Sub-pixel position and width of a blob from the shape of its LoG response: a parabola through its peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paretoscope.core.compiled import compiled

SCALE_STEP = 0.2
"""Distance of the three scales compared, in ln(sigma). The response of a Gaussian blob of width w at scale s
is (A / 2) sech^2(ln(s / w)), so ln(sigma) is the coordinate in which its peak is a parabola."""
KERNELS = 5
"""At the blob's scale one pixel up, in place and one pixel down; in place one scale below and one above."""

Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Parabola:
    """Columns (N,) float64."""

    y_px: Column
    x_px: Column
    sigma_px: Column
    curvature_y: Column
    """Minus the second derivative of the response at its peak, 1/px^2; positive."""
    curvature_x: Column


def fit_parabola(
    image: npt.NDArray[np.float32], y_px: npt.NDArray[np.int64], x_px: npt.NDArray[np.int64], sigma_px: Column
) -> Parabola:
    """Refine blobs found on whole pixels.

    image: (rows, columns) float32.  y_px, x_px: (N,) inside it.  sigma_px: (N,) the scale of each blob.
    The response is taken at 3 x 3 pixels round each blob and at 3 scales, with the kernels of `scale_space`.
    Where the response has no peak there (a ridge, a rim) the whole pixel or the scale stays as it is.
    A position moves by one pixel at most, a scale by a factor of e^0.3.
    """
    plane, below, above = np.empty((len(y_px), 3, 3)), np.empty(len(y_px)), np.empty(len(y_px))
    scales, of = np.unique(sigma_px, return_inverse=True)
    for k, scale in enumerate(scales.tolist()):
        kernels = _kernels(scale)
        responses_around(image, y_px, x_px, np.flatnonzero(of == k), kernels, plane, below, above)
    middle = plane[:, 1, 1]
    slope_y, slope_x = (plane[:, 2, 1] - plane[:, 0, 1]) / 2, (plane[:, 1, 2] - plane[:, 1, 0]) / 2
    bend_y = plane[:, 2, 1] - 2 * middle + plane[:, 0, 1]
    bend_x = plane[:, 1, 2] - 2 * middle + plane[:, 1, 0]
    twist = (plane[:, 2, 2] - plane[:, 2, 0] - plane[:, 0, 2] + plane[:, 0, 0]) / 4
    determinant = bend_y * bend_x - twist * twist
    peaked = (bend_y < 0) & (bend_x < 0) & (determinant > 1e-3 * bend_y * bend_x)
    safe = np.where(peaked, determinant, 1.0)
    shift_y = np.where(peaked, (twist * slope_x - bend_x * slope_y) / safe, 0.0).clip(-1, 1)
    shift_x = np.where(peaked, (twist * slope_y - bend_y * slope_x) / safe, 0.0).clip(-1, 1)

    bend = above - 2 * middle + below
    concave = bend < -1e-6 * np.abs(middle)
    step = np.where(concave, (below - above) / (2 * np.where(concave, bend, -1.0)), 0.0)
    sigma = sigma_px * np.exp(SCALE_STEP * step.clip(-1.5, 1.5))

    # A blob without a peak gets the curvature of a faint one: a large, finite uncertainty.
    least = 0.05 * np.abs(middle) / sigma_px**2 + 1e-12
    return Parabola(
        y_px=y_px.astype(np.float64) + shift_y,
        x_px=x_px.astype(np.float64) + shift_x,
        sigma_px=sigma,
        curvature_y=np.maximum(-bend_y, least),
        curvature_x=np.maximum(-bend_x, least),
    )


def _kernels(sigma_px: float) -> npt.NDArray[np.float32]:
    """(2, KERNELS, 2 r + 1): Gaussians, then minus sigma^2 times their second derivatives.

    r is the radius that the largest scale needs and one pixel for the shift.
    """
    radius = math.ceil(4 * sigma_px * math.exp(SCALE_STEP)) + 1
    offset = np.arange(-radius, radius + 1, dtype=np.float64)
    shifts = np.array([-1.0, 0.0, 1.0, 0.0, 0.0])[:, None]
    scales = sigma_px * np.exp(SCALE_STEP * np.array([0.0, 0.0, 0.0, -1.0, 1.0]))[:, None]
    u = (offset - shifts) / scales
    smooth = np.exp(-0.5 * u * u)
    smooth /= smooth.sum(axis=1, keepdims=True)
    return np.stack([smooth, (1 - u * u) * smooth]).astype(np.float32)


@compiled
def responses_around(
    image: np.ndarray,
    y_px: np.ndarray,
    x_px: np.ndarray,
    rows: np.ndarray,
    kernels: np.ndarray,
    plane: np.ndarray,
    below: np.ndarray,
    above: np.ndarray,
) -> None:
    """LoG responses of the blobs `rows`: at the pixels round each, and one scale below and above.

    Outside the image lies its mirror image, the edge pixel repeated.
    """
    height, width = image.shape
    size = kernels.shape[2]
    radius = size // 2
    across = np.empty(size, dtype=np.int64)
    line = np.empty(size, dtype=np.float32)
    down = np.empty((2, KERNELS, size), dtype=np.float32)
    sums = np.empty((2, 2))
    for i in rows:
        for m in range(size):
            at = (x_px[i] - radius + m) % (2 * width)
            across[m] = min(at, 2 * width - 1 - at)
        down[:] = 0.0
        for k in range(size):
            at = (y_px[i] - radius + k) % (2 * height)
            at = min(at, 2 * height - 1 - at)
            for m in range(size):
                line[m] = image[at, across[m]]
            for kind in range(2):
                for n in range(KERNELS):
                    w = kernels[kind, n, k]
                    for m in range(size):
                        down[kind, n, m] += w * line[m]
        for n in range(KERNELS):
            for p in range(3 if n < 3 else 1):
                along = p if n < 3 else n
                sums[:] = 0.0
                for m in range(size):
                    sums[0, 1] += down[0, n, m] * kernels[1, along, m]
                    sums[1, 0] += down[1, n, m] * kernels[0, along, m]
                total = sums[0, 1] + sums[1, 0]
                if n < 3:
                    plane[i, n, p] = total
                elif n == 3:
                    below[i] = total
                else:
                    above[i] = total
