"""Local maxima of one plane of a scale space, and how they compare with the planes next to it.

Two ways to the same answer, tested against each other: on a CPU one compiled pass with an early end at the
floor, four times as fast as the dozen numpy passes it stands for; on any other device torch.

    . . .        a maximum: none of its eight neighbours exceeds it, so every pixel of a plateau is one,
    . X .        as in ``scipy.ndimage.maximum_filter(a) == a``; at the image's rim the neighbours that
    . . .        there are
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from paretoscope.core.compiled import compiled


def maxima_in(
    plane: torch.Tensor, start: int, stop: int, floor: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Flat indices into `plane` and values of the maxima above `floor` (strictly) in rows start..stop - 1.

    plane: (rows, columns) float32; rows before `start` and from `stop` on are only looked at.
    """
    if plane.device.type != "cpu":
        where, value = maxima_by_torch(plane, start, stop, floor)
        return where.cpu().numpy(), value.cpu().numpy()
    pixels = plane.numpy()
    room = np.empty(max(256, (stop - start) * pixels.shape[1] // 64), dtype=np.int64)
    count = _maxima(pixels, start, stop, np.float32(floor), room)
    if count > len(room):  # noise, or a plateau
        room = np.empty(count, dtype=np.int64)
        _maxima(pixels, start, stop, np.float32(floor), room)
    where = room[:count].copy()
    return where, pixels.reshape(-1)[where]


def best_around(plane: torch.Tensor, where: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """The largest of the 3 x 3 pixels round every flat index, (n,)."""
    if plane.device.type != "cpu":
        return best_by_torch(plane, torch.as_tensor(where, device=plane.device)).cpu().numpy()
    best = np.empty(len(where), dtype=np.float32)
    _best(plane.numpy(), where, best)
    return best


def maxima_by_torch(
    plane: torch.Tensor, start: int, stop: int, floor: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """`maxima_in` by array operations."""
    flat, columns = plane.reshape(-1), plane.shape[1]
    top = flat > floor
    top[: start * columns] = False
    top[stop * columns :] = False
    # The four nearest ones first: one pixel in a hundred is left, whose neighbours are looked up one by one.
    left, right = flat[1:] >= flat[:-1], flat[:-1] >= flat[1:]
    left[columns - 1 :: columns] = True  # where one row ends and the next begins
    right[columns - 1 :: columns] = True
    top[1:] &= left
    top[:-1] &= right
    top[columns:] &= flat[columns:] >= flat[:-columns]
    top[:-columns] &= flat[:-columns] >= flat[columns:]
    where = torch.where(top)[0]
    where = where[best_by_torch(plane, where) <= flat[where]]
    return where, flat[where]


def best_by_torch(plane: torch.Tensor, where: torch.Tensor) -> torch.Tensor:
    """`best_around` by array operations."""
    rows, columns = plane.shape
    y, x = where // columns, where % columns
    down = torch.stack([(y - 1).clip(0), y, (y + 1).clip(0, rows - 1)]) * columns
    across = torch.stack([(x - 1).clip(0), x, (x + 1).clip(0, columns - 1)])
    return plane.reshape(-1)[(down[:, None] + across[None]).reshape(9, -1)].amax(0)


@compiled
def _maxima(plane: Any, start: int, stop: int, floor: Any, room: Any) -> int:
    """Writes flat indices into `room` as far as it goes; returns how many there are."""
    rows, columns = plane.shape
    words = (columns + 7) // 8
    marks = np.zeros(words * 8, dtype=np.uint8)
    eight = marks.view(np.uint64)  # most eights of pixels hold nothing and are passed by in one step
    count = 0
    for y in range(start, stop):
        row, up, down = plane[y], plane[max(y - 1, 0)], plane[min(y + 1, rows - 1)]
        _mark_row(up, row, down, floor, marks)
        for word in range(words):
            if eight[word] == 0:
                continue
            for x in range(word * 8, word * 8 + 8):
                if marks[x] == 0:
                    continue
                left, right, value = max(x - 1, 0), min(x + 1, columns - 1), row[x]
                if value >= up[left] and value >= up[right] and value >= down[left] and value >= down[right]:
                    if count < room.size:
                        room[count] = y * columns + x
                    count += 1
    return count


@compiled
def _mark_row(up: Any, row: Any, down: Any, floor: Any, marks: Any) -> None:
    """Mark the pixels above the floor that none of their four nearest ones exceeds."""
    inner = row.size - 2
    # Slices of equal length and no branches: the compiler makes vector instructions of this.
    middle, left, right, above, below = row[1:-1], row[:-2], row[2:], up[1:-1], down[1:-1]
    inside = marks[1:]
    for i in range(inner):
        value = middle[i]
        inside[i] = (
            (value > floor)
            & (value >= left[i])
            & (value >= right[i])
            & (value >= above[i])
            & (value >= below[i])
        )
    last = row.size - 1
    for x in (0, last):
        value = row[x]
        marks[x] = (
            (value > floor)
            & (value >= row[max(x - 1, 0)])
            & (value >= row[min(x + 1, last)])
            & (value >= up[x])
            & (value >= down[x])
        )


@compiled
def _best(plane: Any, where: Any, best: Any) -> None:
    rows, columns = plane.shape
    for i in range(where.size):
        y, x = where[i] // columns, where[i] % columns
        largest = plane[y, x]
        for a in range(max(y - 1, 0), min(y + 2, rows)):
            for b in range(max(x - 1, 0), min(x + 2, columns)):
                largest = max(largest, plane[a, b])
        best[i] = largest
