"""Sliding windows over a frame, and smooth weights between them.

size 4, step 2, frame 9:   0000.....
                           ..1111...
                           ....2222.
                           .....3333   <- aligned to the border, so that the frame is covered
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paretoscope.errors import BadParameters

MOST_A_SIDE = 32
"""Windows in a row or a column of the grid; a frame that would take more gets them farther apart, and where
they would no longer touch, larger. 4096 px in windows of 128 px: 32 x 32 that just touch, not 63 x 63."""


@dataclass(frozen=True)
class Window:
    y_px: int
    """Top row."""
    x_px: int
    """Left column."""
    height_px: int
    width_px: int


@dataclass(frozen=True)
class WindowGrid:
    """Windows in rows and columns; ``windows`` runs row by row."""

    size_px: int
    step_px: int
    tops_px: tuple[int, ...]
    lefts_px: tuple[int, ...]
    height_px: int
    """Of one window: `size_px`, or the frame's height where that is smaller."""
    width_px: int

    @classmethod
    def over(cls, shape: tuple[int, int], size_px: int, step: float) -> WindowGrid:
        """Cover a frame of `shape` (rows, columns) with windows of `size_px`, `step` of a side apart.

        The paper's 256 px with a step of 0.2 gives 6 x 6 windows on 512 px. The last row and column are
        moved to the border where the step does not end there. Raises BadParameters for sizes below 1 px or
        steps outside ]0, 1].
        """
        rows, columns = shape
        if min(rows, columns, size_px) < 1 or not 0.0 < step <= 1.0:
            raise BadParameters(
                "bad-windows",
                hint=f"Windows of {size_px} px with step {step} do not cover {rows} x {columns}.",
            )
        step_px = max(1, round(size_px * step), -(-(max(shape) - size_px) // (MOST_A_SIDE - 1)))
        size_px = max(size_px, step_px)
        height, width = min(size_px, rows), min(size_px, columns)
        return cls(
            size_px, step_px, _starts(rows, height, step_px), _starts(columns, width, step_px), height, width
        )

    @property
    def grid(self) -> tuple[int, int]:
        return len(self.tops_px), len(self.lefts_px)

    @cached_property
    def windows(self) -> list[Window]:
        return [Window(y, x, self.height_px, self.width_px) for y in self.tops_px for x in self.lefts_px]

    def contains(self, y_px: np.ndarray, x_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(places, rows of windows) and (places, columns of windows) float64, 1 where a place lies inside.

        Sums over windows are then matrix products: ``down.T @ (value[:, None] * across)``.
        """
        down = _inside(np.asarray(y_px), self.tops_px, self.height_px)
        return down, _inside(np.asarray(x_px), self.lefts_px, self.width_px)


def _inside(places: np.ndarray, starts: tuple[int, ...], size: int) -> np.ndarray:
    begin = np.asarray(starts)
    return ((places[:, None] >= begin) & (places[:, None] < begin + size)).astype(np.float64)


def _starts(length: int, size: int, step: int) -> tuple[int, ...]:
    # A left-over of less than a tenth of a window is not worth a window of its own: the paper's six windows
    # end at 511 of 512 px. The last one is moved instead.
    rest = length - size
    steps = max(1, math.ceil(rest / step - 0.1)) if rest else 0
    if rest - (steps - 1) * step > size:
        steps += 1
    starts = [min(index * step, rest) for index in range(steps + 1)]
    starts[-1] = rest
    return tuple(dict.fromkeys(starts))


def blend_weights(grid: WindowGrid, y_px: np.ndarray, x_px: np.ndarray) -> np.ndarray:
    """How much each window has to say at each place.

    y_px, x_px: (places,).  Returns (places, windows) float64, rows summing to 1. A window's weight is the
    product of raised cosines of the distance from its centre, zero at its border, so that parameters change
    without a seam where a window begins or ends; along the frame's border the outermost window keeps its
    full weight.
    """
    down = _axis_weights(np.asarray(y_px, dtype=np.float64), grid.tops_px, grid.height_px, grid.step_px)
    across = _axis_weights(np.asarray(x_px, dtype=np.float64), grid.lefts_px, grid.width_px, grid.step_px)
    weights = (down[:, :, None] * across[:, None, :]).reshape(len(down), -1)
    return weights / weights.sum(axis=1, keepdims=True)


def _axis_weights(places: np.ndarray, starts: tuple[int, ...], size: int, step: int) -> np.ndarray:
    """(places, starts) raised-cosine weights along one axis."""
    centres = np.asarray(starts, dtype=np.float64) + (size - 1) / 2
    clipped = np.clip(places, centres[0], centres[-1])
    # Windows that hardly overlap reach as far as the next centre, else there would be a seam between them.
    distance = np.abs(clipped[:, None] - centres[None, :]) / max(size / 2, step)
    return np.where(distance < 1.0, 0.5 + 0.5 * np.cos(np.pi * distance), 0.0) + 1e-12
