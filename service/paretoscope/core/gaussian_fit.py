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

from paretoscope.core.gaussian_kernel import LN_SIGMA, X, Y
from paretoscope.core.gaussian_spread import levels, uncertainty
from paretoscope.core.gaussian_turns import subtract_all, sweep
from paretoscope.core.gaussian_view import RADIUS
from paretoscope.deadline import Deadline

NEIGHBOURS_SHARE = 0.5
"""That standard deviation is at most this share of the distance to the nearest atom."""
MOST_ROUNDS = 3
"""Turns of each atom. Positions are there after two; where atoms overlap much, amplitude, width and
background go on trading with those of the neighbours, and positions get worse rather than better."""
SETTLED = 0.1
"""An atom has settled when its next step would be less than this share of its uncertainty."""
WIDTH_SPREAD = 0.2
"""How far an atom's ln(sigma) is expected to lie from the parabola's. Where atoms overlap, width and
background can hardly be told apart; unbounded, both run away together, all over the lattice."""
ECHO = 0.5
"""Strength of the noise added to see how far it moves the atoms, in units of the image's own."""
ECHOED, FEWEST_ECHOED = 240, 40
"""How many atoms are tried; of an image with few, a share would be chance."""
MOST_SHARE = 5.0
PRIOR_WEIGHT = 8.0
"""The noise of one window is a poor estimate (a dozen free pixels); it is averaged with the frame's median as
if that were this many pixels."""

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
