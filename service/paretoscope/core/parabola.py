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
    The response is taken at 3 x 3 pixels round each blob and at 3 scales, with the kernels of `scale_space`.
    Where the response has no peak there (a ridge, a rim) the whole pixel or the scale stays as it is.
    A position moves by one pixel at most, a scale by a factor of e^0.3.
    """
    plane, below, above = _responses_around(image, y_px, x_px, sigma_px)
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
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """LoG responses, float64: (N, 3 rows, 3 columns) round each blob, and (N,) one scale below and above."""
    plane = torch.empty((len(y_px), 3, 3), dtype=torch.float64, device=image.device)
    below, above = torch.empty((2, len(y_px)), dtype=torch.float64, device=image.device)
    for rows, window in cut_windows(
        image, y_px, x_px, radius=torch.ceil(4 * sigma_px * math.exp(SCALE_STEP)) + 1, edge="mirror"
    ):
        radius = window.shape[-1] // 2
        offset = torch.arange(-radius, radius + 1, dtype=torch.float64, device=image.device)
        shift = torch.tensor([-1.0, 0.0, 1.0], dtype=torch.float64, device=image.device)[:, None]
        kernels = [
            _kernels(offset - shift[at], sigma_px[rows] * factor).to(window.dtype)
            for factor, at in (
                (1.0, slice(0, 3)),
                (math.exp(-SCALE_STEP), slice(1, 2)),
                (math.exp(SCALE_STEP), slice(1, 2)),
            )
        ]
        # All kernels along y in one pass over the pixels; what is left are a few numbers a blob.
        down = torch.cat(kernels, dim=1) @ window
        for out, along_y, along_x in zip(
            (plane, below, above), down.split([6, 2, 2], dim=1), kernels, strict=True
        ):
            half = along_x.shape[1] // 2
            table = along_y @ along_x.transpose(1, 2)
            out[rows] = (table[:, half:, :half] + table[:, :half, half:]).reshape(-1, *out.shape[1:]).double()
    return plane, below, above


def _kernels(offset: torch.Tensor, sigma_px: torch.Tensor) -> torch.Tensor:
    """(n, 2 m, K): m Gaussians, then minus sigma^2 times their second derivatives, at offsets (m, K)."""
    u = offset / sigma_px[:, None, None]
    smooth = torch.exp(-0.5 * u * u)
    smooth = smooth / smooth.sum(-1, keepdim=True)
    return torch.cat([smooth, (1 - u * u) * smooth], dim=1)
