"""The least-squares problem of one round Gaussian on a constant background in one window, compiled.

    model = A exp(-(u^2 + v^2) / 2) + b,    u = (row - y) / sigma,  v = (column - x) / sigma

The model, its derivatives by A, y, x, ln(sigma) and b, and the window's weight are all products of a function
of the row and one of the column. With g = exp(-u^2 / 2) the sums over a window that the normal equations need
are products of two sums along its edges,

    S_n = sum w g^2 u^n  (n = 0..4)        T_n = sum w g u^n  (n = 0..2)        W = sum w

and only the data enter as an image. A step costs one pass over the window's pixels.
"""

from __future__ import annotations

import math

import numpy as np

from paretoscope.core.compiled import compiled

AMPLITUDE, Y, X, LN_SIGMA, BACKGROUND = range(5)
"""Columns of an atom's values (N, 5): height, position in px, ln of the width in px, background."""

SUMS = 9
"""S_0 .. S_4, T_0 .. T_2, W of one edge."""


@compiled
def fill_profile(profile: np.ndarray, first: int, count: int, centre_px: float, sigma_px: float) -> None:
    """g, u g and u^2 g at pixels first .. first + count - 1; profile: (3, at least count)."""
    for k in range(count):
        u = (first + k - centre_px) / sigma_px
        g = math.exp(-0.5 * u * u)
        profile[0, k] = g
        profile[1, k] = u * g
        profile[2, k] = u * u * g


@compiled
def edge_sums(weight: np.ndarray, profile: np.ndarray, count: int, power: int, out: np.ndarray) -> None:
    """`SUMS` of one edge, for the weight itself (power 1) or its square (2); out: (SUMS,)."""
    out[:] = 0.0
    for k in range(count):
        w = weight[k] if power == 1 else weight[k] * weight[k]
        g, ug, uug = profile[0, k], profile[1, k], profile[2, k]
        wg = w * g
        wug = w * ug
        wuug = w * uug
        out[0] += wg * g
        out[1] += wg * ug
        out[2] += wg * uug
        out[3] += wug * uug
        out[4] += wuug * uug
        out[5] += wg
        out[6] += wug
        out[7] += wuug
        out[8] += w


@compiled
def fill_normal(
    height: float, sigma_px: float, down: np.ndarray, across: np.ndarray, out: np.ndarray
) -> None:
    """J' W J, (5, 5), from the sums of both edges."""
    s, t = down, across
    slope = height / sigma_px
    out[0, 0] = s[0] * t[0]
    out[1, 0] = slope * s[1] * t[0]
    out[2, 0] = slope * s[0] * t[1]
    out[3, 0] = height * (s[2] * t[0] + s[0] * t[2])
    out[4, 0] = s[5] * t[5]
    out[1, 1] = slope * slope * s[2] * t[0]
    out[2, 1] = slope * slope * s[1] * t[1]
    out[3, 1] = slope * height * (s[3] * t[0] + s[1] * t[2])
    out[4, 1] = slope * s[6] * t[5]
    out[2, 2] = slope * slope * s[0] * t[2]
    out[3, 2] = slope * height * (s[2] * t[1] + s[0] * t[3])
    out[4, 2] = slope * s[5] * t[6]
    out[3, 3] = height * height * (s[4] * t[0] + 2.0 * s[2] * t[2] + s[0] * t[4])
    out[4, 3] = height * (s[7] * t[5] + s[5] * t[7])
    out[4, 4] = s[8] * t[8]
    for i in range(5):
        for j in range(i):
            out[j, i] = out[i, j]


@compiled
def factorise(matrix: np.ndarray, damping: float, size: int, factor: np.ndarray) -> bool:
    """Cholesky factor of matrix + damping x its diagonal; False where it is singular.

    matrix: (size, size) symmetric, of which the lower triangle is read.
    """
    for i in range(size):
        for j in range(i + 1):
            total = matrix[i, j]
            if i == j:
                total += damping * matrix[i, i] + 1e-12
            for k in range(j):
                total -= factor[i, k] * factor[j, k]
            if i == j:
                if not total > 1e-14 * matrix[i, i]:
                    return False
                factor[i, i] = math.sqrt(total)
            else:
                factor[i, j] = total / factor[j, j]
    return True


@compiled
def substitute(factor: np.ndarray, right: np.ndarray, size: int, out: np.ndarray) -> None:
    """Solve with the factor that `factorise` left; out and right: (size,)."""
    for i in range(size):
        total = right[i]
        for k in range(i):
            total -= factor[i, k] * out[k]
        out[i] = total / factor[i, i]
    for i in range(size - 1, -1, -1):
        total = out[i]
        for k in range(i + 1, size):
            total -= factor[k, i] * out[k]
        out[i] = total / factor[i, i]


@compiled
def state(
    data: np.ndarray,
    rows: int,
    columns: int,
    weight_y: np.ndarray,
    weight_x: np.ndarray,
    along_y: np.ndarray,
    along_x: np.ndarray,
    values: np.ndarray,
    square: float,
    sums: np.ndarray,
    strips: np.ndarray,
    normal: np.ndarray,
    gradient: np.ndarray,
) -> float:
    """Fill the normal equations at `values` and return the weighted sum of squared residuals.

    data: window pixels without neighbours, (rows, columns) at its top left corner.  along_y, along_x: the
    profiles at `values`.  square: weighted sum of squared data.  sums: (2, SUMS) and strips: (4, columns),
    room to work in.  normal: (5, 5).  gradient: (5,).
    """
    height, sigma, floor = values[AMPLITUDE], math.exp(values[LN_SIGMA]), values[BACKGROUND]
    down, across = sums[0], sums[1]
    edge_sums(weight_y, along_y, rows, 1, down)
    edge_sums(weight_x, along_x, columns, 1, across)
    fill_normal(height, sigma, down, across, normal)
    # The data's products with the derivatives: down the columns first, with nothing summed across, so that
    # the inner loop runs over neighbouring pixels.
    strips[:, :columns] = 0.0
    for k in range(rows):
        w = weight_y[k]
        a, b, c = w * along_y[0, k], w * along_y[1, k], w * along_y[2, k]
        for m in range(columns):
            pixel = data[k, m]
            strips[0, m] += a * pixel
            strips[1, m] += b * pixel
            strips[2, m] += c * pixel
            strips[3, m] += w * pixel
    seen_g = seen_y = seen_x = seen_width = seen_one = 0.0
    for m in range(columns):
        w = weight_x[m]
        g, ug, uug = w * along_x[0, m], w * along_x[1, m], w * along_x[2, m]
        seen_g += strips[0, m] * g
        seen_y += strips[1, m] * g
        seen_x += strips[0, m] * ug
        seen_width += strips[2, m] * g + strips[0, m] * uug
        seen_one += strips[3, m] * w
    slope = height / sigma
    gradient[AMPLITUDE] = seen_g
    gradient[Y] = slope * seen_y
    gradient[X] = slope * seen_x
    gradient[LN_SIGMA] = height * seen_width
    gradient[BACKGROUND] = seen_one
    pull_g = height * normal[0, 0] + floor * normal[4, 0]
    pull_one = height * normal[4, 0] + floor * normal[4, 4]
    misfit = square - height * (2.0 * seen_g - pull_g) - floor * (2.0 * seen_one - pull_one)
    for i in range(5):
        gradient[i] -= height * normal[i, 0] + floor * normal[i, 4]
    return misfit
