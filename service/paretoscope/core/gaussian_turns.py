"""Atoms of an image fitted in turn, each with its neighbours as they are by now (Gauss-Seidel)."""

from __future__ import annotations

import math

import numpy as np

from paretoscope.core.compiled import compiled
from paretoscope.core.gaussian_kernel import (
    AMPLITUDE,
    BACKGROUND,
    LN_SIGMA,
    X,
    Y,
    factorise,
    fill_profile,
    state,
    substitute,
)
from paretoscope.core.gaussian_view import own_data, scratch, window

MOST_STEPS = 2
"""Of one atom, before its neighbours get their turn."""
LEAST_STEP = 1e-4
"""A step that is shorter in pixels (and in ln(sigma)) is none."""
FIRST_DAMPING = 1e-3
REACH_SIGMAS = 4.0
"""An atom's model ends this many standard deviations from its middle."""


@compiled
def subtract_all(residual: np.ndarray, values: np.ndarray) -> None:
    """Take every atom without its background out of the image."""
    for i in range(len(values)):
        add(residual, values[i], -1.0)


@compiled
def add(residual: np.ndarray, own: np.ndarray, sign: float) -> None:
    """Add `sign` times one atom's model to the image, as far as it reaches."""
    rows, columns = residual.shape
    sigma = math.exp(own[LN_SIGMA])
    radius = REACH_SIGMAS * sigma
    top, bottom = max(0, math.ceil(own[Y] - radius)), min(rows, math.floor(own[Y] + radius) + 1)
    left, right = max(0, math.ceil(own[X] - radius)), min(columns, math.floor(own[X] + radius) + 1)
    if bottom <= top or right <= left:
        return
    across = np.empty(right - left, dtype=np.float32)
    for m in range(right - left):
        u = (left + m - own[X]) / sigma
        across[m] = math.exp(-0.5 * u * u)
    for y in range(top, bottom):
        u = (y - own[Y]) / sigma
        height = np.float32(sign * own[AMPLITUDE] * math.exp(-0.5 * u * u))
        for m in range(right - left):
            residual[y, left + m] += height * across[m]


@compiled
def expect_width(prior: np.ndarray, values: np.ndarray, normal: np.ndarray, gradient: np.ndarray) -> float:
    """Add what is known of the width beforehand; prior: (2,) ln(sigma) and its weight."""
    away = values[LN_SIGMA] - prior[0]
    normal[LN_SIGMA, LN_SIGMA] += prior[1]
    gradient[LN_SIGMA] -= prior[1] * away
    return prior[1] * away * away


@compiled
def sweep(
    residual: np.ndarray,
    values: np.ndarray,
    centre: np.ndarray,
    reach: np.ndarray,
    prior: np.ndarray,
    unsettled: np.ndarray,
    settled: float,
) -> None:
    """Fit each unsettled atom in turn, Levenberg-Marquardt, with its neighbours as they are by now.

    An atom whose first step is already within its uncertainty has settled.
    """
    weight, along, data, strips, sums = scratch(reach)
    weight_y, weight_x, along_y, along_x = weight[0], weight[1], along[0], along[1]
    normal, ahead, factor = np.empty((5, 5)), np.empty((5, 5)), np.empty((5, 5))
    gradient, slope, step, own, trial = (np.empty(5), np.empty(5), np.empty(5), np.empty(5), np.empty(5))
    for i in range(len(values)):
        if not unsettled[i]:
            continue
        own[:] = values[i]
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
        misfit += expect_width(prior[i], own, normal, gradient)
        damping, moved, unsettled[i] = FIRST_DAMPING, False, False
        for _ in range(MOST_STEPS):
            if not factorise(normal, damping, 5, factor):
                break
            substitute(factor, gradient, 5, step)
            gain = 0.0
            for p in range(5):
                if p in (Y, X):
                    step[p] = min(max(step[p], -1.0), 1.0)
                elif p == LN_SIGMA:
                    step[p] = min(max(step[p], -0.4), 0.4)
                trial[p] = own[p] + step[p]
                gain += step[p] * gradient[p]
            # Both are squares of the step in units of its uncertainty, times the variance of a pixel.
            shift = step[Y] ** 2 * normal[Y, Y] + step[X] ** 2 * normal[X, X]
            variance = max(misfit, 0.0) / max(normal[BACKGROUND, BACKGROUND] - 5.0, 0.5)
            if shift <= settled**2 * variance and gain <= (5.0 * settled) ** 2 * variance:
                break
            if abs(step[Y]) + abs(step[X]) + abs(step[LN_SIGMA]) < LEAST_STEP:
                break
            unsettled[i] = True
            sigma = math.exp(trial[LN_SIGMA])
            fill_profile(along_y, top, rows, trial[Y], sigma)
            fill_profile(along_x, left, columns, trial[X], sigma)
            there = state(
                data,
                rows,
                columns,
                weight_y,
                weight_x,
                along_y,
                along_x,
                trial,
                square,
                sums,
                strips,
                ahead,
                slope,
            )
            there += expect_width(prior[i], trial, ahead, slope)
            if there <= misfit:
                own, trial = trial, own
                normal, ahead = ahead, normal
                gradient, slope = slope, gradient
                misfit, moved = there, True
                damping = max(damping * 0.3, 1e-6)
            else:
                damping *= 30.0
        if moved:
            add(residual, values[i], 1.0)
            values[i] = own
            add(residual, own, -1.0)
