"""Which windows hold which candidates, as bits.

A window's place in its block of rows and columns is its bit, so a row of pixels has one mask, a column
another, and what lies in both is their intersection:

    windows 0 1        row of pixels in the upper windows    0011
            2 3        column of pixels in the left ones     0101    ->    0001: window 0
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from paretoscope.core.judge import MOST_VIEWS, Views
from paretoscope.core.windows import Window, WindowGrid

_ACROSS = int(MOST_VIEWS**0.5)


@dataclass(frozen=True)
class Block:
    """Neighbouring windows of a grid that are judged together."""

    index: npt.NDArray[np.intp]
    """(W,) of these windows in ``WindowGrid.windows``."""
    tops_px: tuple[int, ...]
    lefts_px: tuple[int, ...]
    height_px: int
    """Of one window."""
    width_px: int

    @property
    def extent(self) -> Window:
        """What all of them cover."""
        top, left = self.tops_px[0], self.lefts_px[0]
        height, width = self.tops_px[-1] - top + self.height_px, self.lefts_px[-1] - left + self.width_px
        return Window(top, left, height, width)

    def views(
        self,
        y_px: npt.NDArray,
        x_px: npt.NDArray,
        counted: npt.NDArray[np.bool_],
        n_expected: npt.NDArray[np.float64],
        minimum_distance_px: float,
    ) -> Views:
        """y_px, x_px, counted: (N,) the candidates.  n_expected: (W,)"""
        down, across = len(self.tops_px), len(self.lefts_px)
        one_row = [sum(1 << (r * across + c) for c in range(across)) for r in range(down)]
        one_column = [sum(1 << (r * across + c) for r in range(down)) for c in range(across)]
        row_masks, row_of = _masks(y_px, self.tops_px, self.height_px, one_row)
        column_masks, column_of = _masks(x_px, self.lefts_px, self.width_px, one_column)
        cell = row_of * len(column_masks) + column_of
        held = (row_masks[:, None] & column_masks[None, :]).reshape(-1)
        return Views(held[cell], cell.astype(np.int32), held, counted, n_expected, float(minimum_distance_px))


def blocks(grid: WindowGrid) -> Iterator[Block]:
    """The grid's windows in blocks of at most 8 x 8, so that a large frame costs what its pixels cost."""
    columns = len(grid.lefts_px)
    index = np.arange(len(grid.tops_px) * columns).reshape(-1, columns)
    for r in range(0, len(grid.tops_px), _ACROSS):
        for c in range(0, columns, _ACROSS):
            yield Block(
                index[r : r + _ACROSS, c : c + _ACROSS].reshape(-1),
                grid.tops_px[r : r + _ACROSS],
                grid.lefts_px[c : c + _ACROSS],
                grid.height_px,
                grid.width_px,
            )


def _masks(
    places: npt.NDArray, starts: Sequence[int], size: int, bits: Sequence[int]
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.intp]]:
    """The masks of the stretches into which windows cut an axis, and in which stretch each place lies."""
    edges = np.unique([0, *starts, *(start + size for start in starts)])
    masks = [
        sum(bit for start, bit in zip(starts, bits, strict=True) if start <= edge < start + size)
        for edge in edges
    ]
    return np.array(masks, dtype=np.uint64), np.searchsorted(edges, places, side="right") - 1
