"""Square windows of pixels round many atoms at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch

PIXELS_AT_ONCE = 2_000_000
"""Most pixels of windows held in memory together."""

Edge = Literal["mirror", "clamp"]


def cut_windows(
    image: torch.Tensor, y_px: torch.Tensor, x_px: torch.Tensor, radius: torch.Tensor, edge: Edge
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (rows, windows): the atoms with windows of similar size together.

    image: (rows, columns).  y_px, x_px: (N,) int64 centres inside the image.  radius: (N,) px, rounded up.
    rows: (n,) int64 indices of atoms.  windows: (n, 2 r + 1, 2 r + 1), r at least their radius.
    edge: what lies outside the image: its mirror image (the edge pixel repeated) or its nearest pixel.
    """
    flat = image.reshape(-1)
    for rows, pixels in window_pixels(image.shape, y_px, x_px, radius, edge):
        # Three to eight times as fast as image[y, x] with two index tensors.
        yield rows, flat.index_select(0, pixels.reshape(-1)).view(pixels.shape)


def window_pixels(
    shape: torch.Size, y_px: torch.Tensor, x_px: torch.Tensor, radius: torch.Tensor, edge: Edge
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (rows, pixels): as `cut_windows`, with pixels' indices into the flat image for values."""
    sizes = _size_classes(radius)
    for size in torch.unique(sizes).tolist():
        members = torch.nonzero(sizes == size).squeeze(1)
        offset = torch.arange(-size, size + 1, device=y_px.device)
        for rows in members.split(max(1, PIXELS_AT_ONCE // (2 * size + 1) ** 2)):
            y = _fold(y_px[rows, None] + offset, shape[0], edge)
            x = _fold(x_px[rows, None] + offset, shape[1], edge)
            yield rows, y[:, :, None] * shape[1] + x[:, None, :]


def _size_classes(radius: torch.Tensor) -> torch.Tensor:
    """Radii rounded up to 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, ... so that few sizes serve all atoms."""
    whole = torch.ceil(radius).clamp(min=4).to(torch.int64)
    grain = 2 ** (torch.floor(torch.log2(whole.double() - 0.5)).to(torch.int64) - 2).clamp(min=0)
    return (whole + grain - 1) // grain * grain


def _fold(index: torch.Tensor, length: int, edge: Edge) -> torch.Tensor:
    if edge == "clamp":
        return index.clamp(0, length - 1)
    index = index % (2 * length)
    return torch.minimum(index, 2 * length - 1 - index)
