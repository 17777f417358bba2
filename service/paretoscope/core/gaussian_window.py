"""The least-squares problem of one round Gaussian on a constant background, for many windows side by side.

A Gaussian, its derivatives, the background and the window's weight are all products of a function of y and
one of x. So with four profiles along each axis,

    g = exp(-u^2 / 2),   u g,   u^2 g,   1            u = (row - y) / sigma      (and the same along x)

every sum over a window that a least-squares step needs is a product of sums along its edges. Only the data
enter as an image, as the 4 x 4 numbers (profiles) window (profiles)^T. A step for 2000 atoms is milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

AMPLITUDE, Y, X, LN_SIGMA, BACKGROUND = range(5)
"""Columns of an atom's values (N, 5): height, position in px, ln of the width in px, background."""


@dataclass(frozen=True)
class State:
    """The least-squares problem at given values: (n, 5, 5), (n, 5), (n,)."""

    normal: torch.Tensor
    gradient: torch.Tensor
    misfit: torch.Tensor


class Window:
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
        # The data are the residual plus the atom itself, and the atom's part of every sum is a product too.
        self.residual = residual
        self.height = own[:, AMPLITUDE]
        self.own_y, self.own_x = (
            self._profiles(at, axis, own)[:, 0] for at, axis in ((self.y, Y), (self.x, X))
        )
        weighted_y, weighted_x = self.own_y * self.weight_y, self.own_x * self.weight_x
        size = (self.own_y * weighted_y).sum(1) * (self.own_x * weighted_x).sum(1)
        both = self._sums(residual, weighted_y[:, None], weighted_x[:, None])[:, 0, 0]
        rest = self._sums(residual * residual, self.weight_y[:, None], self.weight_x[:, None])[:, 0, 0]
        self.square = rest + self.height * (2 * both + self.height * size)

    @staticmethod
    def _sums(pixels: torch.Tensor, along_y: torch.Tensor, along_x: torch.Tensor) -> torch.Tensor:
        """Weighted sums over the windows, (n, p, q) float64; along_y: (n, p, K), along_x: (n, q, K)."""
        kind = pixels.dtype
        return (along_y.to(kind) @ pixels @ along_x.to(kind).transpose(1, 2)).to(torch.float64)

    @staticmethod
    def _profiles(at: torch.Tensor, axis: int, values: torch.Tensor) -> torch.Tensor:
        """(n, 4, K): g, u g, u^2 g, 1."""
        u = (at - values[:, axis, None]) * torch.exp(-values[:, LN_SIGMA, None])
        g = torch.exp(-0.5 * u * u)
        return torch.stack([g, u * g, u * u * g, torch.ones_like(g)], dim=1)

    def state(self, values: torch.Tensor) -> State:
        along_y, along_x = self._profiles(self.y, Y, values), self._profiles(self.x, X, values)
        weighted_y, weighted_x = along_y * self.weight_y[:, None], along_x * self.weight_x[:, None]
        data = self._sums(self.residual, weighted_y, weighted_x)
        of_y = (weighted_y @ self.own_y[:, :, None])[:, :, 0] * self.height[:, None]
        of_x = (weighted_x @ self.own_x[:, :, None])[:, :, 0]
        data = (data + of_y[:, :, None] * of_x[:, None, :]).permute(1, 2, 0)
        normal = _products(values, weighted_y @ along_y.transpose(1, 2), weighted_x @ along_x.transpose(1, 2))
        height, floor = values[:, AMPLITUDE], values[:, BACKGROUND]
        pull = height[:, None] * normal[:, AMPLITUDE] + floor[:, None] * normal[:, BACKGROUND]
        seen = torch.stack(
            [factor * sum(data[p, q] for p, q in terms) for factor, terms in _model(values)], 1
        )
        return State(
            normal=normal,
            gradient=seen - pull,
            misfit=self.square
            - height * (2 * data[0, 0] - pull[:, AMPLITUDE])
            - floor * (2 * data[3, 3] - pull[:, BACKGROUND]),
        )

    def levels(self, values: torch.Tensor) -> tuple[torch.Tensor, State]:
        """The best amplitudes and backgrounds at these positions and widths."""
        state = self.state(values)
        linear = [AMPLITUDE, BACKGROUND]
        barely = torch.full_like(values[:, 0], 1e-9)
        values = values.clone()
        values[:, linear] += _solve(state.normal[:, linear][:, :, linear], state.gradient[:, linear], barely)
        return values, self.state(values)

    def step(self, values: torch.Tensor, damping: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, State]:
        """One Levenberg-Marquardt step for each atom, taken where it makes the fit better."""
        state = self.state(values)
        step = _solve(state.normal, state.gradient, damping)
        limit = torch.tensor([torch.inf, 1.0, 1.0, 0.4, torch.inf], device=step.device)
        trial = values + torch.maximum(torch.minimum(step, limit), -limit)
        ahead = self.state(trial)
        better = ahead.misfit <= state.misfit * (1 + 1e-9)
        state = State(*(_choose(better, vars(ahead)[k], vars(state)[k]) for k in vars(state)))
        damping = torch.where(better, damping * 0.3, damping * 30).clamp(1e-6, 1e6)
        return torch.where(better[:, None], trial, values), damping, state

    def spread(self, values: torch.Tensor, state: State) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Position errors (n, 2) for unit noise, the noise variance and the free pixels behind it, (n,).

        Weights are not inverse variances here, hence the sandwich N^-1 M N^-1 with M from squared weights;
        the expected misfit is variance x (sum of weights - trace(N^-1 M)).
        """
        along_y = self._profiles(self.y, Y, values) * self.weight_y[:, None]
        along_x = self._profiles(self.x, X, values) * self.weight_x[:, None]
        squared = _products(values, along_y @ along_y.transpose(1, 2), along_x @ along_x.transpose(1, 2))
        size = state.normal.diagonal(dim1=1, dim2=2)
        ridge = torch.diag_embed(1e-9 * size + 1e-12)
        inverse = torch.linalg.inv_ex(state.normal + ridge).inverse
        shrunk = inverse @ squared
        variance_of_values = (shrunk @ inverse).diagonal(dim1=1, dim2=2)[:, [Y, X]]
        weights = self.weight_y.sum(1) * self.weight_x.sum(1)
        freedom = (weights - shrunk.diagonal(dim1=1, dim2=2).sum(1)).clamp(min=0.5)
        return variance_of_values.clamp(0, 1e6).sqrt(), state.misfit.clamp(min=0) / freedom, freedom


Terms = list[tuple[int, int]]


def _model(values: torch.Tensor) -> list[tuple[torch.Tensor, Terms]]:
    """The model's derivative by each value: a factor (n,) and the (y profile, x profile) products it sums."""
    height = values[:, AMPLITUDE]
    slope = height * torch.exp(-values[:, LN_SIGMA])
    one = torch.ones_like(height)
    return [
        (one, [(0, 0)]),
        (slope, [(1, 0)]),
        (slope, [(0, 1)]),
        (height, [(2, 0), (0, 2)]),
        (one, [(3, 3)]),
    ]


def _products(values: torch.Tensor, along_y: torch.Tensor, along_x: torch.Tensor) -> torch.Tensor:
    """Sums over the window of products of two derivatives, (n, 5, 5), from its edges' sums, (n, 4, 4)."""
    along_y, along_x = along_y.permute(1, 2, 0).contiguous(), along_x.permute(1, 2, 0).contiguous()
    model = _model(values)
    out = torch.empty((5, 5, len(values)), dtype=torch.float64, device=values.device)
    for i, (factor_i, terms_i) in enumerate(model):
        for j, (factor_j, terms_j) in enumerate(model[: i + 1]):
            total = sum(along_y[p, r] * along_x[q, t] for p, q in terms_i for r, t in terms_j)
            out[i, j] = out[j, i] = factor_i * factor_j * total
    return out.permute(2, 0, 1)


def _solve(normal: torch.Tensor, gradient: torch.Tensor, damping: torch.Tensor) -> torch.Tensor:
    size = normal.diagonal(dim1=1, dim2=2)
    step = torch.linalg.solve_ex(
        normal + torch.diag_embed(damping[:, None] * size + 1e-12), gradient[:, :, None]
    )
    return torch.nan_to_num(step.result[:, :, 0], nan=0.0, posinf=0.0, neginf=0.0)


def _choose(which: torch.Tensor, yes: torch.Tensor, no: torch.Tensor) -> torch.Tensor:
    return torch.where(which.reshape(-1, *[1] * (yes.ndim - 1)), yes, no)
