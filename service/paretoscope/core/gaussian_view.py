"""What of an image one atom's fit looks at: a window with Gaussian weights, neighbours taken out."""

from __future__ import annotations

import math

import numpy as np

from paretoscope.core.compiled import compiled
from paretoscope.core.gaussian_kernel import SUMS

RADIUS = 2.0
"""A window's, in standard deviations of its weight."""


@compiled
def window(centre: int, reach: float, side: int, weight: np.ndarray) -> tuple[int, int]:
    """First pixel and number of pixels of a window along one axis; its weights go into `weight`."""
    radius = math.ceil(RADIUS * reach)
    first, end = max(0, centre - radius), min(side, centre + radius + 1)
    for k in range(radius + 1):
        w = math.exp(-0.5 * (k / reach) ** 2)
        if first <= centre - k:
            weight[centre - k - first] = w
        if centre + k < end:
            weight[centre + k - first] = w
    return first, end - first


@compiled
def own_data(
    residual: np.ndarray,
    top: int,
    left: int,
    rows: int,
    columns: int,
    height: float,
    along_y: np.ndarray,
    along_x: np.ndarray,
    weight_y: np.ndarray,
    weight_x: np.ndarray,
    data: np.ndarray,
) -> float:
    """Fill in the window's pixels without the neighbours, residual and atom; return their weighted square."""
    square = 0.0
    for k in range(rows):
        own = height * along_y[0, k]
        line = 0.0
        for m in range(columns):
            pixel = residual[top + k, left + m] + own * along_x[0, m]
            data[k, m] = pixel
            line += weight_x[m] * pixel * pixel
        square += weight_y[k] * line
    return square


@compiled
def scratch(reach: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Room for the largest window: weights (2, K), profiles (2, 3, K), pixels (K, K), strips (4, K), sums."""
    most = 2 * math.ceil(RADIUS * reach.max()) + 1
    return (
        np.empty((2, most)),
        np.empty((2, 3, most)),
        np.empty((most, most)),
        np.empty((4, most)),
        np.empty((2, SUMS)),
    )
