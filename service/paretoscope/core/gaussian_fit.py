"""Fit a round Gaussian on a constant background to every atom at once.

A Gaussian, its derivatives, the background and the window's weight are all products of a function of y and one
of x. So with four profiles along each axis,

    g = exp(-u^2 / 2),   u g,   u^2 g,   1            u = (row - y) / sigma      (and the same along x)

every sum over a window that a least-squares step needs is a product of sums along its edges. Only the data
enter as an image, as the 4 x 4 numbers (profiles) window (profiles)^T. A step for 2000 atoms is milliseconds.

Neighbours: the window has a Gaussian weight that ends before the nearest one, and the current model of all
other atoms is subtracted from it before each round.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from paretoscope.core.atom_windows import cut_windows
from paretoscope.deadline import Deadline

AMPLITUDE, Y, X, LN_SIGMA, BACKGROUND = range(5)
ROUNDS = 3
STEPS_PER_ROUND = 4
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

    def column(self, name: int) -> torch.Tensor:
        return self.values[:, name]


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
    model = AtomModels(values, *(torch.zeros_like(start[:, 0]) for _ in range(3)))
    for _ in range(ROUNDS if move else 1):
        model = _one_round(image, model, start, neighbour_px, deadline, move)
        if deadline.passed():
            break
    typical = model.noise.median() if len(start) else torch.tensor(0.0)
    return replace(model, noise=model.noise.clamp(min=1e-3 * float(typical) + 1e-9))


def _one_round(
    image: torch.Tensor,
    model: AtomModels,
    start: torch.Tensor,
    neighbour_px: torch.Tensor,
    deadline: Deadline,
    move: bool,
) -> AtomModels:
    residual = image.to(torch.float64) - _rendered(image.shape, model.values)
    y0 = start[:, Y].round().to(torch.int64).clamp(0, image.shape[0] - 1)
    x0 = start[:, X].round().to(torch.int64).clamp(0, image.shape[1] - 1)
    reach = torch.minimum(2 * torch.exp(start[:, LN_SIGMA]), 0.35 * neighbour_px).clamp(min=1.0)
    values = model.values.clone()
    errors = torch.zeros((len(values), 2), dtype=torch.float64, device=image.device)
    variance, freedom = torch.zeros_like(values[:, 0]), torch.ones_like(values[:, 0])
    for rows, pixels in cut_windows(residual, y0, x0, 2.5 * reach, edge="clamp"):
        window = _Window(pixels, y0[rows], x0[rows], reach[rows], image.shape, model.values[rows])
        fitted, state = window.fit(values[rows], deadline, move)
        values[rows] = fitted
        errors[rows], variance[rows], freedom[rows] = window.spread(state)
    pooled = (freedom * variance + PRIOR_WEIGHT * variance.median()) / (freedom + PRIOR_WEIGHT)
    noise = pooled.clamp(min=0).sqrt()
    return AtomModels(values, errors[:, 0] * noise, errors[:, 1] * noise, noise)


@dataclass(frozen=True)
class _State:
    """The least-squares problem at given values: (n, 5, 5), (n, 5), (n,), and for the errors (n, 5, 5)."""

    normal: torch.Tensor
    gradient: torch.Tensor
    misfit: torch.Tensor
    normal_squared_weight: torch.Tensor


class _Window:
    """Windows of n atoms of the same size, with their weights."""

    def __init__(
        self,
        residual: torch.Tensor,
        y0: torch.Tensor,
        x0: torch.Tensor,
        reach: torch.Tensor,
        shape: torch.Size,
        own: torch.Tensor,
    ) -> None:
        radius = residual.shape[-1] // 2
        offset = torch.arange(-radius, radius + 1, dtype=torch.float64, device=residual.device)
        self.y, self.x = y0[:, None] + offset, x0[:, None] + offset
        falloff = torch.exp(-0.5 * (offset / reach[:, None]) ** 2)
        self.weight_y = falloff * ((self.y >= 0) & (self.y < shape[0]))
        self.weight_x = falloff * ((self.x >= 0) & (self.x < shape[1]))
        g_y, g_x = (self._profiles(at, axis, own)[:, 0] for at, axis in ((self.y, Y), (self.x, X)))
        self.data = residual + own[:, AMPLITUDE, None, None] * g_y[:, :, None] * g_x[:, None, :]
        self.square = (self.weight_y[:, None] @ self.data**2 @ self.weight_x[:, :, None])[:, 0, 0]

    @staticmethod
    def _profiles(at: torch.Tensor, axis: int, values: torch.Tensor) -> torch.Tensor:
        """(n, 4, K): g, u g, u^2 g, 1."""
        u = (at - values[:, axis, None]) * torch.exp(-values[:, LN_SIGMA, None])
        g = torch.exp(-0.5 * u * u)
        return torch.stack([g, u * g, u * u * g, torch.ones_like(g)], dim=1)

    def state(self, values: torch.Tensor) -> _State:
        along_y, along_x = self._profiles(self.y, Y, values), self._profiles(self.x, X, values)
        weighted_y, weighted_x = along_y * self.weight_y[:, None], along_x * self.weight_x[:, None]
        data = (weighted_y @ self.data @ weighted_x.transpose(1, 2)).flatten(1)
        products = _outer(weighted_y @ along_y.transpose(1, 2), weighted_x @ along_x.transpose(1, 2))
        squared = _outer(weighted_y @ weighted_y.transpose(1, 2), weighted_x @ weighted_x.transpose(1, 2))
        basis = _derivatives(values)
        model = torch.zeros_like(data)
        model[:, 0], model[:, 15] = values[:, AMPLITUDE], values[:, BACKGROUND]
        pull = (products @ model[:, :, None])[:, :, 0]
        return _State(
            normal=basis @ products @ basis.transpose(1, 2),
            gradient=(basis @ (data - pull)[:, :, None])[:, :, 0],
            misfit=self.square - 2 * (model * data).sum(1) + (model * pull).sum(1),
            normal_squared_weight=basis @ squared @ basis.transpose(1, 2),
        )

    def fit(self, values: torch.Tensor, deadline: Deadline, move: bool) -> tuple[torch.Tensor, _State]:
        """Levenberg-Marquardt on all windows side by side, each with its own damping."""
        state = self.state(values)
        # Amplitude and background are linear: one exact step.
        linear = [AMPLITUDE, BACKGROUND]
        values = values.clone()
        values[:, linear] += _solve(state.normal[:, linear][:, :, linear], state.gradient[:, linear], 1e-9)
        state = self.state(values)
        damping = torch.full_like(values[:, 0], 1e-3)
        for _ in range(STEPS_PER_ROUND if move else 0):
            if deadline.passed():
                break
            step = _solve(state.normal, state.gradient, damping)
            limit = torch.tensor([torch.inf, 1.0, 1.0, 0.4, torch.inf], device=step.device)
            trial = values + torch.maximum(torch.minimum(step, limit), -limit)
            ahead = self.state(trial)
            better = ahead.misfit <= state.misfit * (1 + 1e-12)
            values = torch.where(better[:, None], trial, values)
            state = _State(*(_choose(better, vars(ahead)[k], vars(state)[k]) for k in vars(state)))
            damping = torch.where(better, damping * 0.2, damping * 10).clamp(1e-9, 1e6)
        return values, state

    def spread(self, state: _State) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Position errors (n, 2) for unit noise, the noise variance and the free pixels behind it, (n,).

        Weights are not inverse variances here, hence the sandwich N^-1 M N^-1 with M from squared weights;
        the expected misfit is variance x (sum of weights - trace(N^-1 M)).
        """
        size = state.normal.diagonal(dim1=1, dim2=2)
        ridge = torch.diag_embed(1e-9 * size + 1e-12)
        inverse = torch.linalg.inv_ex(state.normal + ridge).inverse
        shrunk = inverse @ state.normal_squared_weight
        variance_of_values = (shrunk @ inverse).diagonal(dim1=1, dim2=2)[:, [Y, X]]
        weights = self.weight_y.sum(1) * self.weight_x.sum(1)
        freedom = (weights - shrunk.diagonal(dim1=1, dim2=2).sum(1)).clamp(min=0.5)
        return variance_of_values.clamp(0, 1e6).sqrt(), state.misfit.clamp(min=0) / freedom, freedom


def _outer(along_y: torch.Tensor, along_x: torch.Tensor) -> torch.Tensor:
    """(n, 4, 4) and (n, 4, 4) to (n, 16, 16): sums over the window of products of two-dimensional profiles."""
    both = along_y[:, :, None, :, None] * along_x[:, None, :, None, :]
    return both.reshape(-1, 16, 16)


def _derivatives(values: torch.Tensor) -> torch.Tensor:
    """(n, 5, 16): the model's derivative by each value, in two-dimensional profiles (4 along y x 4 along x)."""
    basis = torch.zeros((len(values), 5, 4, 4), dtype=torch.float64, device=values.device)
    slope = values[:, AMPLITUDE] * torch.exp(-values[:, LN_SIGMA])
    basis[:, AMPLITUDE, 0, 0] = 1
    basis[:, Y, 1, 0] = slope
    basis[:, X, 0, 1] = slope
    basis[:, LN_SIGMA, 2, 0] = basis[:, LN_SIGMA, 0, 2] = values[:, AMPLITUDE]
    basis[:, BACKGROUND, 3, 3] = 1
    return basis.flatten(2)


def _solve(normal: torch.Tensor, gradient: torch.Tensor, damping: torch.Tensor | float) -> torch.Tensor:
    size = normal.diagonal(dim1=1, dim2=2)
    if isinstance(damping, torch.Tensor):
        damping = damping[:, None]
    step = torch.linalg.solve_ex(normal + torch.diag_embed(damping * size + 1e-12), gradient[:, :, None])
    return torch.nan_to_num(step.result[:, :, 0], nan=0.0, posinf=0.0, neginf=0.0)


def _choose(which: torch.Tensor, yes: torch.Tensor, no: torch.Tensor) -> torch.Tensor:
    return torch.where(which.reshape(-1, *[1] * (yes.ndim - 1)), yes, no)


def _rendered(shape: torch.Size, values: torch.Tensor) -> torch.Tensor:
    """The sum of all atoms without their backgrounds, (rows, columns) float64."""
    canvas = torch.zeros(shape, dtype=torch.float64, device=values.device)
    y0, x0 = (
        values[:, axis].round().clamp(0, side - 1).to(torch.int64)
        for axis, side in ((Y, shape[0]), (X, shape[1]))
    )
    flat = torch.arange(canvas.numel(), device=values.device).reshape(shape)
    for rows, where in cut_windows(flat, y0, x0, 4 * torch.exp(values[:, LN_SIGMA]), edge="clamp"):
        radius = where.shape[-1] // 2
        offset = torch.arange(-radius, radius + 1, device=values.device)
        own = values[rows]
        strips = []
        for axis, centre, side in ((Y, y0, shape[0]), (X, x0, shape[1])):
            at = centre[rows, None] + offset
            u = (at - own[:, axis, None]) * torch.exp(-own[:, LN_SIGMA, None])
            strips.append(torch.exp(-0.5 * u * u) * ((at >= 0) & (at < side)))
        spots = own[:, AMPLITUDE, None, None] * strips[0][:, :, None] * strips[1][:, None, :]
        canvas.view(-1).index_add_(0, where.reshape(-1), spots.reshape(-1))
    return canvas
