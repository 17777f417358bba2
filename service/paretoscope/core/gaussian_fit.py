"""Fit a round Gaussian on a constant background to every atom at once.

Neighbours: the window has a Gaussian weight that ends before the nearest one, and the current model of all
other atoms is subtracted from it before each round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from paretoscope.core.atom_windows import cut_windows, window_pixels
from paretoscope.core.gaussian_window import AMPLITUDE, LN_SIGMA, Window, X, Y
from paretoscope.deadline import Deadline

MOST_ROUNDS = 8
SETTLED = 0.03
"""Rounds end when the typical atom moves by less than this share of its uncertainty."""
PRIOR_WEIGHT = 8.0
"""The noise of one window is a poor estimate (a dozen free pixels); it is averaged with the frame's median as
if that were this many pixels."""


@dataclass(frozen=True)
class AtomModels:
    """Columns of one float64 tensor (N, 5) and what the fit says about them, (N,) float64."""

    values: torch.Tensor
    """amplitude, y, x, ln(sigma), background."""
    y_error_px: torch.Tensor
    x_error_px: torch.Tensor
    noise: torch.Tensor
    """Standard deviation of a pixel round the atom."""
    damping: torch.Tensor
    """Levenberg's, of the next step: grows where a step made the fit worse."""


def fit_atoms(
    image: torch.Tensor,
    start: torch.Tensor,
    neighbour_px: torch.Tensor,
    deadline: Deadline,
    move: bool = True,
) -> AtomModels:
    """Fit all atoms of an image; returns the best so far when the deadline passes.

    image: (rows, columns) float32.  start: (N, 5) float64, see AtomModels.values.
    neighbour_px: (N,) distance to the nearest other atom (infinite for a lone one).
    move: False fits amplitude and background only, once.
    """
    values = start.clone()
    nothing = torch.zeros_like(start[:, 0])
    model = AtomModels(values, nothing, nothing, nothing, nothing + 1e-3)
    for _ in range(MOST_ROUNDS if move else 1):
        before = model.values
        model = _one_round(image, model, start, neighbour_px, move)
        moved = (model.values - before)[:, [Y, X]].abs().amax(dim=1) / model.y_error_px.clamp(min=1e-3)
        if deadline.passed() or len(start) == 0 or float(moved.median()) < SETTLED:
            break
    typical = model.noise.median() if len(start) else torch.tensor(0.0)
    return replace(model, noise=model.noise.clamp(min=1e-3 * float(typical) + 1e-9))


def _one_round(
    image: torch.Tensor,
    model: AtomModels,
    start: torch.Tensor,
    neighbour_px: torch.Tensor,
    move: bool,
) -> AtomModels:
    """Subtract all neighbours as they are now, then take one step with every atom."""
    residual = image - _rendered(image.shape, model.values)
    y0 = start[:, Y].round().to(torch.int64).clamp(0, image.shape[0] - 1)
    x0 = start[:, X].round().to(torch.int64).clamp(0, image.shape[1] - 1)
    reach = torch.minimum(2 * torch.exp(start[:, LN_SIGMA]), 0.35 * neighbour_px).clamp(min=1.0)
    values, damping = model.values.clone(), model.damping.clone()
    errors = torch.zeros((len(values), 2), dtype=torch.float64, device=image.device)
    variance, freedom = torch.zeros_like(values[:, 0]), torch.ones_like(values[:, 0])
    for rows, pixels in cut_windows(residual, y0, x0, 2.5 * reach, edge="clamp"):
        window = Window(pixels, y0[rows], x0[rows], reach[rows], image.shape, model.values[rows])
        if move:
            values[rows], damping[rows], state = window.step(values[rows], damping[rows])
        else:
            values[rows], state = window.levels(values[rows])
        errors[rows], variance[rows], freedom[rows] = window.spread(values[rows], state)
    pooled = (freedom * variance + PRIOR_WEIGHT * variance.median()) / (freedom + PRIOR_WEIGHT)
    noise = pooled.clamp(min=0).sqrt()
    return AtomModels(values, errors[:, 0] * noise, errors[:, 1] * noise, noise, damping)


def _rendered(shape: torch.Size, values: torch.Tensor) -> torch.Tensor:
    """The sum of all atoms without their backgrounds, (rows, columns) float32."""
    canvas = torch.zeros(shape, dtype=torch.float32, device=values.device)
    y0, x0 = (
        values[:, axis].round().clamp(0, side - 1).to(torch.int64)
        for axis, side in ((Y, shape[0]), (X, shape[1]))
    )
    reach = 4 * torch.exp(values[:, LN_SIGMA])
    for rows, where in window_pixels(shape, y0, x0, reach, edge="clamp"):
        radius = where.shape[-1] // 2
        offset = torch.arange(-radius, radius + 1, device=values.device)
        own = values[rows]
        strips = []
        for axis, centre, side in ((Y, y0, shape[0]), (X, x0, shape[1])):
            at = centre[rows, None] + offset
            u = (at - own[:, axis, None]) * torch.exp(-own[:, LN_SIGMA, None])
            strips.append((torch.exp(-0.5 * u * u) * ((at >= 0) & (at < side))).to(torch.float32))
        spots = (own[:, AMPLITUDE, None].to(torch.float32) * strips[0])[:, :, None] * strips[1][:, None, :]
        canvas.view(-1).index_add_(0, where.reshape(-1), spots.reshape(-1))
    return canvas
