"""Fit a round Gaussian on a constant background to every atom of an image, neighbours and all.

Neighbours: the window has a Gaussian weight that ends before the nearest one, and the current model of all
other atoms is subtracted from it. The atoms take turns, so that each sees its neighbours as they are by now
(Gauss-Seidel); one that has settled, and whose neighbours have, is not visited again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

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
from paretoscope.deadline import Deadline

RADIUS = 2.0
"""A window's, in standard deviations of its weight."""
NEIGHBOURS_SHARE = 0.5
"""That standard deviation is at most this share of the distance to the nearest atom."""
MOST_ROUNDS = 3
"""Turns of each atom. Positions are there after two; where atoms overlap much, amplitude, width and
background go on trading with those of the neighbours, and positions get worse rather than better."""
MOST_STEPS = 2
"""Of one atom, before its neighbours get their turn."""
SETTLED = 0.1
"""An atom has settled when its next step would be less than this share of its uncertainty."""
LEAST_STEP = 1e-4
"""A step that is shorter in pixels (and in ln(sigma)) is none."""
FIRST_DAMPING = 1e-3
WIDTH_SPREAD = 0.2
"""How far an atom's ln(sigma) is expected to lie from the parabola's. Where atoms overlap, width and
background can hardly be told apart; unbounded, both run away together, all over the lattice."""
LARGEST = 1e6
"""Uncertainty of what the window does not determine."""
ECHO = 0.5
"""Strength of the noise added to see how far it moves the atoms, in units of the image's own."""
ECHOED, FEWEST_ECHOED = 240, 40
"""How many atoms are tried; of an image with few, a share would be chance."""
MOST_SHARE = 5.0
PRIOR_WEIGHT = 8.0
"""The noise of one window is a poor estimate (a dozen free pixels); it is averaged with the frame's median as
if that were this many pixels."""
REACH_SIGMAS = 4.0
"""An atom's model ends this many standard deviations from its middle."""

Column = npt.NDArray[np.float64]


@dataclass(frozen=True)
class AtomModels:
    """What the fit says about every atom, float64."""

    values: npt.NDArray[np.float64]
    """(N, 5): amplitude, y, x, ln(sigma), background."""
    y_error_px: Column
    """(N,) one standard deviation."""
    x_error_px: Column
    noise: Column
    """(N,) standard deviation of a pixel round the atom."""


def fit_atoms(
    image: npt.NDArray[np.float32],
    start: npt.NDArray[np.float64],
    neighbour_px: Column,
    noise: Column,
    deadline: Deadline,
) -> AtomModels:
    """Fit all atoms of an image; returns the best so far when the deadline passes.

    image: (rows, columns) float32.  start: (N, 5) float64, see AtomModels.values.
    neighbour_px: (N,) distance to the nearest other atom (infinite for a lone one).
    noise: (N,) standard deviation of a pixel round each atom, see `fit_levels`.
    """
    scene = _Scene.of(image, start, neighbour_px)
    scene.settle(_prior(start, noise), np.ones(len(start), dtype=np.bool_), deadline)
    spread = np.zeros((len(start), 4))
    uncertainty(scene.residual, scene.values, scene.centre, scene.reach, spread)
    models = _models(scene.values, spread)
    if len(start) < FEWEST_ECHOED or deadline.passed():
        return models
    share = _echo(image, scene, models, _prior(start, noise), deadline)
    return replace(models, y_error_px=share * models.y_error_px, x_error_px=share * models.x_error_px)


def fit_levels(
    image: npt.NDArray[np.float32], start: npt.NDArray[np.float64], neighbour_px: Column
) -> AtomModels:
    """The best amplitudes and backgrounds at the positions and widths given, and the noise round each."""
    scene = _Scene.of(image, start, neighbour_px)
    spread = np.zeros((len(start), 4))
    levels(scene.residual, scene.values, scene.centre, scene.reach, spread)
    return _models(scene.values, spread)


@dataclass(frozen=True)
class _Scene:
    """An image's atoms, and what is left of it without them."""

    values: npt.NDArray[np.float64]
    centre: npt.NDArray[np.int64]
    """(N, 2) middle of each window."""
    reach: Column
    """(N,) standard deviation of each window's weight, px."""
    residual: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls, image: npt.NDArray[np.float32], start: npt.NDArray[np.float64], neighbour_px: Column
    ) -> _Scene:
        values = np.array(start, dtype=np.float64)
        centre = np.rint(values[:, [Y, X]]).clip(0, np.array(image.shape) - 1).astype(np.int64)
        reach = np.minimum(2.0 * np.exp(values[:, LN_SIGMA]), NEIGHBOURS_SHARE * neighbour_px)
        residual = image.astype(np.float32, copy=True)
        subtract_all(residual, values)
        return cls(values, centre, np.maximum(reach, 1.0), residual)

    def settle(
        self, prior: npt.NDArray[np.float64], unsettled: npt.NDArray[np.bool_], deadline: Deadline
    ) -> None:
        for _ in range(MOST_ROUNDS):
            sweep(self.residual, self.values, self.centre, self.reach, prior, unsettled, SETTLED)
            if deadline.passed() or not unsettled.any():
                break


def _prior(start: npt.NDArray[np.float64], noise: Column) -> npt.NDArray[np.float64]:
    return np.stack([start[:, LN_SIGMA], (noise / WIDTH_SPREAD) ** 2], axis=1)


def _models(values: npt.NDArray[np.float64], spread: npt.NDArray[np.float64]) -> AtomModels:
    variance, freedom = spread[:, 2], spread[:, 3]
    typical = float(np.median(variance)) if len(values) else 0.0
    noise = np.sqrt((freedom * variance + PRIOR_WEIGHT * typical) / (freedom + PRIOR_WEIGHT))
    return AtomModels(
        values,
        spread[:, 0] * noise,
        spread[:, 1] * noise,
        np.maximum(noise, 1e-3 * math.sqrt(typical) + 1e-9),
    )


def _echo(
    image: npt.NDArray[np.float32],
    scene: _Scene,
    models: AtomModels,
    prior: npt.NDArray[np.float64],
    deadline: Deadline,
) -> float:
    """How much further positions move than `models` claims when the image's own noise is added once more.

    A window's covariance does not know that where atoms overlap its neighbours' errors are its own, nor that
    shot noise is strongest on the atom itself. The fit does: so some atoms in the middle are fitted again
    with noise added, as strong as the image's own at each brightness, and their shifts set beside the claims.
    """
    places = scene.values[:, [Y, X]]
    away = np.abs(places - np.median(places, axis=0)).max(axis=1)
    some = np.argsort(away, kind="stable")[:ECHOED]
    margin = math.ceil(RADIUS * scene.reach[some].max()) + 1
    top, left = np.maximum(scene.centre[some].min(axis=0) - margin, 0)
    bottom, right = scene.centre[some].max(axis=0) + margin
    part = slice(top, bottom), slice(left, right)
    again = replace(scene, values=scene.values.copy(), residual=scene.residual.copy())
    rest = again.residual[part]
    spread = np.sqrt(_noise_variance(rest, image[part] - rest))
    rest += (ECHO * spread * np.random.default_rng(0).standard_normal(rest.shape)).astype(np.float32)
    unsettled = np.zeros(len(places), dtype=np.bool_)
    unsettled[some] = True
    again.settle(prior, unsettled, deadline)
    inner = some[: ECHOED // 2]  # the outer ones' neighbours stood still
    shift = (again.values - scene.values)[inner][:, [Y, X]] / ECHO
    claimed = np.stack([models.y_error_px, models.x_error_px], axis=1)[inner]
    ratio = np.minimum(np.abs(shift) / np.maximum(claimed, 1e-12), MOST_SHARE)
    return float(np.clip(np.sqrt(np.mean(ratio**2)), 1 / MOST_SHARE, MOST_SHARE))


def _noise_variance(
    rest: npt.NDArray[np.float32], bright: npt.NDArray[np.float32]
) -> npt.NDArray[np.float64]:
    """Variance of each pixel as a + b x the atoms' brightness there, from differences of neighbouring pixels.

    rest: what is left of the image without atoms.  bright: the atoms. Both (rows, columns).
    """
    square = (0.5 * np.diff(rest, axis=1) ** 2).ravel().astype(np.float64)
    level = (0.5 * (bright[:, 1:] + bright[:, :-1])).ravel().astype(np.float64)
    away = level - level.mean()
    slope = max(float(away @ square) / max(float(away @ away), 1e-30), 0.0)
    floor = max(float(square.mean()) - slope * float(level.mean()), 0.0)
    return np.maximum(floor + slope * bright.astype(np.float64), 0.0)


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
def expect_width(prior: np.ndarray, values: np.ndarray, normal: np.ndarray, gradient: np.ndarray) -> float:
    """Add what is known of the width beforehand; prior: (2,) ln(sigma) and its weight."""
    away = values[LN_SIGMA] - prior[0]
    normal[LN_SIGMA, LN_SIGMA] += prior[1]
    gradient[LN_SIGMA] -= prior[1] * away
    return prior[1] * away * away


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
