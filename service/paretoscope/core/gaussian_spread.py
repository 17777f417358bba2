"""How well each atom's window determines it, and amplitudes and backgrounds where positions are given."""

from __future__ import annotations

import math

import numpy as np

from paretoscope.core.compiled import compiled
from paretoscope.core.gaussian_kernel import (
    AMPLITUDE,
    BACKGROUND,
    LN_SIGMA,
    SUMS,
    X,
    Y,
    edge_sums,
    factorise,
    fill_normal,
    fill_profile,
    state,
    substitute,
)
from paretoscope.core.gaussian_view import own_data, scratch, window

LARGEST = 1e6
"""Uncertainty of what the window does not determine."""


@compiled
def levels(
    residual: np.ndarray, values: np.ndarray, centre: np.ndarray, reach: np.ndarray, spread: np.ndarray
) -> None:
    """The best amplitude and background of each atom where it stands, and its `spread`."""
    weight, along, data, strips, sums = scratch(reach)
    weight_y, weight_x, along_y, along_x = weight[0], weight[1], along[0], along[1]
    normal, factor, pair = np.empty((5, 5)), np.empty((5, 5)), np.empty((2, 2))
    gradient, step = np.empty(5), np.empty(5)
    for i in range(len(values)):
        own = values[i]
        top, rows = window(centre[i, 0], reach[i], residual.shape[0], weight_y)
        left, columns = window(centre[i, 1], reach[i], residual.shape[1], weight_x)
        sigma = math.exp(own[LN_SIGMA])
        fill_profile(along_y, top, rows, own[Y], sigma)
        fill_profile(along_x, left, columns, own[X], sigma)
        square = own_data(
            residual, top, left, rows, columns, own[AMPLITUDE], along_y, along_x, weight_y, weight_x, data
        )
        misfit = state(
            data,
            rows,
            columns,
            weight_y,
            weight_x,
            along_y,
            along_x,
            own,
            square,
            sums,
            strips,
            normal,
            gradient,
        )
        pair[0, 0], pair[1, 0] = normal[AMPLITUDE, AMPLITUDE], normal[BACKGROUND, AMPLITUDE]
        pair[1, 1] = normal[BACKGROUND, BACKGROUND]
        gradient[1] = gradient[BACKGROUND]
        if factorise(pair, 1e-9, 2, factor):
            substitute(factor, gradient, 2, step)
            own[AMPLITUDE] += step[0]
            own[BACKGROUND] += step[1]
            misfit -= step[0] * gradient[0] + step[1] * gradient[1]
        spread_of(own, misfit, rows, columns, weight_y, weight_x, along_y, along_x, spread[i])


@compiled
def uncertainty(
    residual: np.ndarray, values: np.ndarray, centre: np.ndarray, reach: np.ndarray, spread: np.ndarray
) -> None:
    """The `spread` of each atom."""
    weight, along = scratch(reach)[:2]
    weight_y, weight_x, along_y, along_x = weight[0], weight[1], along[0], along[1]
    for i in range(len(values)):
        own = values[i]
        top, rows = window(centre[i, 0], reach[i], residual.shape[0], weight_y)
        left, columns = window(centre[i, 1], reach[i], residual.shape[1], weight_x)
        sigma = math.exp(own[LN_SIGMA])
        fill_profile(along_y, top, rows, own[Y], sigma)
        fill_profile(along_x, left, columns, own[X], sigma)
        misfit = 0.0
        for k in range(rows):
            line = 0.0
            for m in range(columns):
                pixel = residual[top + k, left + m] - own[BACKGROUND]
                line += weight_x[m] * pixel * pixel
            misfit += weight_y[k] * line
        spread_of(own, misfit, rows, columns, weight_y, weight_x, along_y, along_x, spread[i])


@compiled
def spread_of(
    own: np.ndarray,
    misfit: float,
    rows: int,
    columns: int,
    weight_y: np.ndarray,
    weight_x: np.ndarray,
    along_y: np.ndarray,
    along_x: np.ndarray,
    out: np.ndarray,
) -> None:
    """Position errors along y and x for unit noise, the noise variance, the free pixels behind it; out: (4,).

    Weights are not inverse variances here, hence the sandwich N^-1 M N^-1 with M from squared weights;
    the expected misfit is variance x (sum of weights - trace(N^-1 M)).
    """
    normal, squared, factor = np.empty((5, 5)), np.empty((5, 5)), np.empty((5, 5))
    shrunk, row = np.empty((5, 5)), np.empty(5)
    down, across = np.empty(SUMS), np.empty(SUMS)
    height, sigma = own[AMPLITUDE], math.exp(own[LN_SIGMA])
    edge_sums(weight_y, along_y, rows, 1, down)
    edge_sums(weight_x, along_x, columns, 1, across)
    fill_normal(height, sigma, down, across, normal)
    weights = down[8] * across[8]
    edge_sums(weight_y, along_y, rows, 2, down)
    edge_sums(weight_x, along_x, columns, 2, across)
    fill_normal(height, sigma, down, across, squared)
    out[0] = out[1] = LARGEST
    trace = 5.0
    if factorise(normal, 1e-9, 5, factor):
        trace = 0.0
        for p in range(5):
            substitute(factor, squared[p], 5, shrunk[p])  # rows of M N^-1
            trace += shrunk[p, p]
        for axis in (Y, X):
            substitute(factor, shrunk[:, axis], 5, row)
            out[axis - 1] = math.sqrt(min(max(row[axis], 0.0), LARGEST**2))
    out[3] = max(weights - trace, 0.5)
    out[2] = max(misfit, 0.0) / out[3]
