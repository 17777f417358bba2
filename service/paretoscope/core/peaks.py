"""Where a scale space has its maxima, extracted once so that any range of scales can be read off.

blob_log looks for voxels of the (scale, row, column) stack that no voxel of their 3 x 3 x 3 neighbourhood
exceeds. Which voxels these are depends on the range of scales, but only through the first and last one:

    scale s + 1   . . .        best of its 3 x 3  <=  response ?  -> `tops_above`
    scale s       . X .        X is the best of its own 3 x 3     -> X is kept at all
    scale s - 1   . . .        best of its 3 x 3  <=  response ?  -> `tops_below`

so one list of spatial maxima with two flags holds the peaks of every sub-range. Ties count as in
``scipy.ndimage.maximum_filter(a) == a``: every pixel of a plateau is a maximum.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch


@dataclass(frozen=True)
class SpatialMaxima:
    """Columns of equal length (N), strongest first; ties in the order of (y, x, scale)."""

    y_px: npt.NDArray[np.int32]
    x_px: npt.NDArray[np.int32]
    scale: npt.NDArray[np.int32]
    """Index into the stack's scales."""
    response: npt.NDArray[np.float32]
    tops_below: npt.NDArray[np.bool_]
    """At least as strong as the 3 x 3 pixels one scale below (True at the lowest scale)."""
    tops_above: npt.NDArray[np.bool_]
    lowest: npt.NDArray[np.float32]
    """(S,) smallest response of each whole scale; with `highest` it tells a constant stack."""
    highest: npt.NDArray[np.float32]
    shape: tuple[int, int]
    """(rows, columns) of the image."""
    capped: bool
    """True when some scale had more than `cap` maxima and only its strongest were kept."""

    def __len__(self) -> int:
        return len(self.response)

    def take(self, index: npt.NDArray) -> SpatialMaxima:
        """The same stack, these rows only (an index or a mask, keeping the order)."""
        return SpatialMaxima(
            self.y_px[index],
            self.x_px[index],
            self.scale[index],
            self.response[index],
            self.tops_below[index],
            self.tops_above[index],
            self.lowest,
            self.highest,
            self.shape,
            self.capped,
        )


def default_cap(shape: tuple[int, int]) -> int:
    """How many maxima count at most: 20 000, or one in 16 pixels where that is more.

    Atoms closer than four pixels cannot be told apart, so only noise is cut off.
    """
    return max(20_000, shape[0] * shape[1] // 16)


def spatial_maxima(stack: Iterable[torch.Tensor], floor: float, cap: int | None = None) -> SpatialMaxima:
    """Find the spatial maxima above `floor` (strictly) at every scale.

    stack: (S, rows, columns) float32, or its planes one after the other: two are looked at together.
    cap: most maxima kept per scale (None: `default_cap`).
    """
    parts: list[list[Any]] = []
    extremes: list[tuple[float, float]] = []
    shape, capped = (0, 0), False
    under: Any = None  # the plane before, and the surroundings and responses of its maxima
    for k, plane in enumerate(stack):
        shape = (plane.shape[0], plane.shape[1])
        # On a CPU numpy compares and counts three to seven times as fast as torch; the code is the same.
        flat: Any = plane.reshape(-1).numpy() if plane.device.type == "cpu" else plane.reshape(-1)
        xp: Any = np if isinstance(flat, np.ndarray) else torch
        where = xp.where(_tops_its_cross(flat, shape[1], floor))[0]
        around = _around(where, shape, xp)
        top = _unbeaten(flat[where], flat, around)
        where, around = where[top], around[:, top]
        most = default_cap(shape) if cap is None else cap
        if len(where) > most:
            capped = True
            strongest = xp.argsort(-flat[where], stable=True)[:most]
            where, around = where[strongest], around[:, strongest]
        response = flat[where]
        yes = xp.ones_like(where, dtype=xp.bool)
        parts.append([where, xp.full_like(where, k), response, yes, yes])
        if under is not None:
            parts[k][3] = _unbeaten(response, under[0], around)
            parts[k - 1][4] = _unbeaten(under[1], flat, under[2])
        under = flat, response, around
        extremes.append((float(flat.min()), float(flat.max())))
    where, scale, response, below, above = (
        np.concatenate([_as_numpy(part) for part in column]) for column in zip(*parts, strict=True)
    )
    order = _strongest_first(response, where * len(parts) + scale)
    lowest, highest = np.array(extremes, dtype=np.float32).T
    where = where[order]
    return SpatialMaxima(
        y_px=(where // shape[1]).astype(np.int32),
        x_px=(where % shape[1]).astype(np.int32),
        scale=scale[order].astype(np.int32),
        response=response[order],
        tops_below=below[order],
        tops_above=above[order],
        lowest=lowest,
        highest=highest,
        shape=shape,
        capped=capped,
    )


def peaks_between(
    maxima: SpatialMaxima, first: int, last: int, threshold: float, cap: int | None = None
) -> tuple[npt.NDArray[np.intp], bool]:
    """Rows of `maxima` that are peaks above `threshold` (strictly) of the stack cut to scales first..last.

    Returns the rows, strongest first, and whether more than `cap` were found and the weakest left out.
    """
    nothing = np.empty(0, dtype=np.intp)
    one_voxel = first == last and maxima.shape == (1, 1)
    if not one_voxel and maxima.lowest[first : last + 1].min() == maxima.highest[first : last + 1].max():
        return nothing, False  # a constant stack is one plateau: blob_log finds nothing in it
    # Rows are sorted by falling response: everything above the threshold is a head of the table.
    head = int(np.searchsorted(-maxima.response, -np.float32(threshold), side="left"))
    scale = maxima.scale[:head]
    peak = (scale >= first) & (scale <= last)
    peak &= maxima.tops_below[:head] | (scale == first)
    peak &= maxima.tops_above[:head] | (scale == last)
    rows = np.flatnonzero(peak)
    cap = default_cap(maxima.shape) if cap is None else cap
    return rows[:cap], len(rows) > cap


def _tops_its_cross(flat: Any, columns: int, floor: float) -> Any:
    """Pixels above `floor` that none of their four nearest ones exceeds, (rows x columns) bool.

    One pixel in a hundred is left for the test of all neighbours, which has to look them up one by one.
    """
    top = flat > floor
    left, right = flat[1:] >= flat[:-1], flat[:-1] >= flat[1:]
    left[columns - 1 :: columns] = True  # where one row ends and the next begins
    right[columns - 1 :: columns] = True
    top[1:] &= left
    top[:-1] &= right
    top[columns:] &= flat[columns:] >= flat[:-columns]
    top[:-columns] &= flat[:-columns] >= flat[columns:]
    return top


def _around(where: Any, shape: tuple[int, int], xp: Any) -> Any:
    """Flat indices (9, n) of the 3 x 3 pixels round n pixels; at the image's rim some come twice."""
    rows, columns = shape
    y, x = where // columns, where % columns
    down = xp.stack([(y - 1).clip(0), y, (y + 1).clip(0, rows - 1)]) * columns
    across = xp.stack([(x - 1).clip(0), x, (x + 1).clip(0, columns - 1)])
    return (down[:, None] + across[None]).reshape(9, -1)


def _unbeaten(response: Any, flat: Any, around: Any) -> Any:
    """Which of n responses none of the nine pixels `around` them in a plane exceeds, (n,) bool."""
    return (flat[around] <= response).all(0)


def _strongest_first(response: npt.NDArray[np.float32], place: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """The order of falling responses, equal ones by rising place."""
    if len(response) and response.min() > 0 and place.max() < 2**32:
        # Positive floats are ordered as their bits are: one sort of integers, seven times as fast.
        return np.argsort((-response.view(np.int32).astype(np.int64) << 32) + place)
    return np.lexsort((place, -response))


def _as_numpy(column: Any) -> npt.NDArray:
    return column if isinstance(column, np.ndarray) else column.cpu().numpy()
