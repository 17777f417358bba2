"""Sub-pixel position and width of a blob from the shape of its LoG response: a parabola through its peak."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from paretoscope.core.atom_windows import cut_windows

SCALE_STEP = 0.2
"""Distance of the three scales compared, in ln(sigma). The response of a Gaussian blob of width w at scale s
is (A / 2) sech^2(ln(s / w)), so ln(sigma) is the coordinate in which its peak is a parabola."""


@dataclass(frozen=True)
class Parabola:
    """Columns (N,) float64."""

    y_px: torch.Tensor
    x_px: torch.Tensor
    sigma_px: torch.Tensor
    curvature_y: torch.Tensor
    """Minus the second derivative of the response at its peak, 1/px^2; positive."""
    curvature_x: torch.Tensor


def fit_parabola(
    image: torch.Tensor, y_px: torch.Tensor, x_px: torch.Tensor, sigma_px: torch.Tensor
) -> Parabola:
    """Refine blobs found on whole pixels.

    image: (rows, columns) float32.  y_px, x_px: (N,) int64.  sigma_px: (N,) float64, the scale of each blob.
    The response is taken at 3 x 3 pixels and 3 scales round each blob, with the kernels of `scale_space`.
    Where the response has no peak there (a ridge, a rim) the whole pixel or the scale stays as it is.
    A position moves by one pixel at most, a scale by a factor of e^0.3.
    """
    response = _responses_around(image, y_px, x_px, sigma_px)
    plane = response[:, 1]
    middle = plane[:, 1, 1]
    slope_y, slope_x = (plane[:, 2, 1] - plane[:, 0, 1]) / 2, (plane[:, 1, 2] - plane[:, 1, 0]) / 2
    bend_y = plane[:, 2, 1] - 2 * middle + plane[:, 0, 1]
    bend_x = plane[:, 1, 2] - 2 * middle + plane[:, 1, 0]
    twist = (plane[:, 2, 2] - plane[:, 2, 0] - plane[:, 0, 2] + plane[:, 0, 0]) / 4
    determinant = bend_y * bend_x - twist * twist
    peaked = (bend_y < 0) & (bend_x < 0) & (determinant > 1e-3 * bend_y * bend_x)
    safe = torch.where(peaked, determinant, torch.ones_like(determinant))
    zero = torch.zeros_like(middle)
    shift_y = torch.where(peaked, (twist * slope_x - bend_x * slope_y) / safe, zero).clamp(-1, 1)
    shift_x = torch.where(peaked, (twist * slope_y - bend_y * slope_x) / safe, zero).clamp(-1, 1)

    below, above = response[:, 0, 1, 1], response[:, 2, 1, 1]
    bend = above - 2 * middle + below
    concave = bend < -1e-6 * middle.abs()
    step = torch.where(concave, (below - above) / (2 * torch.where(concave, bend, bend - 1)), zero)
    sigma = sigma_px * torch.exp(SCALE_STEP * step.clamp(-1.5, 1.5))

    # A blob without a peak gets the curvature of a faint one: a large, finite uncertainty.
    least = 0.05 * middle.abs() / sigma_px**2 + 1e-12
    return Parabola(
        y_px=y_px + shift_y,
        x_px=x_px + shift_x,
        sigma_px=sigma,
        curvature_y=torch.maximum(-bend_y, least),
        curvature_x=torch.maximum(-bend_x, least),
    )


def _responses_around(
    image: torch.Tensor, y_px: torch.Tensor, x_px: torch.Tensor, sigma_px: torch.Tensor
) -> torch.Tensor:
    """LoG responses (N, 3 scales, 3 rows, 3 columns) float64 at each blob and its neighbours."""
    out = torch.empty((len(y_px), 3, 3, 3), dtype=torch.float64, device=image.device)
    for rows, window in cut_windows(
        image, y_px, x_px, radius=torch.ceil(4 * sigma_px * math.exp(SCALE_STEP)) + 1, edge="mirror"
    ):
        radius = window.shape[-1] // 2
        offset = torch.arange(-radius, radius + 1, dtype=torch.float64, device=image.device)
        shift = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64, device=image.device)
        for t, factor in enumerate((math.exp(-SCALE_STEP), 1.0, math.exp(SCALE_STEP))):
            sigma = sigma_px[rows, None, None] * factor
            u = offset - shift[:, None]
            smooth = torch.exp(-0.5 * (u / sigma) ** 2)
            smooth = smooth / smooth.sum(-1, keepdim=True)
            curve = (1 - (u / sigma) ** 2) * smooth
            both = torch.cat([smooth, curve], dim=1).to(window.dtype)  # (n, 6, K)
            table = both @ window @ both.transpose(1, 2)  # (n, 6 along y, 6 along x)
            out[rows, t] = (table[:, 3:, :3] + table[:, :3, 3:]).to(torch.float64)
    return out
