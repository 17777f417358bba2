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

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from paretoscope.core.plane_maxima import best_around, maxima_in
from paretoscope.core.scale_space import Strip, as_source, strip_rows


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
    """(S,) responses that occur at each scale, below `highest` unless the whole scale is constant."""
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


@dataclass(frozen=True)
class StripMaxima:
    """The spatial maxima of one strip of rows, columns of equal length (n); values as they were computed."""

    place: npt.NDArray[np.int64]
    """Row times the frame's columns plus column."""
    scale: npt.NDArray[np.int32]
    response: npt.NDArray[np.float32]
    best_below: npt.NDArray[np.float32]
    """Largest of the 3 x 3 pixels one scale below; -infinity at the lowest scale."""
    best_above: npt.NDArray[np.float32]
    lowest: npt.NDArray[np.float32]
    """(S,) values that occur at each scale, below `highest` unless the strip is constant there."""
    highest: npt.NDArray[np.float32]


def spatial_maxima(
    image_unit: npt.NDArray[np.float32],
    scales: npt.NDArray[np.float32],
    floor: float,
    device: str | torch.device = "cpu",
    cap: int | None = None,
    peaks_only: bool = False,
) -> SpatialMaxima:
    """Find the spatial maxima above `floor` (strictly) at every scale of an image's scale space.

    image_unit: (rows, columns) float32.  scales: (S,) px.  cap: most maxima kept per scale (None:
    `default_cap`).  peaks_only: leave out what is no peak of the whole stack; the cap counts it all the same.
    The image is worked through strip by strip (`scale_space.strip_rows`), two planes in memory at a time.
    """
    source = as_source(image_unit, device)
    floors = np.full(len(scales), floor)
    parts: list[StripMaxima] = []
    tail: torch.Tensor | None = None
    for first, last in strip_rows(source.shape[0]):
        part, tail = strip_maxima(source, first, last, scales, floors, tail)
        parts.append(part)
    return gathered(parts, source.shape, floor, cap, peaks_only)


def strip_maxima(
    source: torch.Tensor,
    first: int,
    last: int,
    scales: npt.NDArray[np.float32],
    floors: npt.NDArray[np.float64],
    tail: torch.Tensor | None,
) -> tuple[StripMaxima, torch.Tensor]:
    """The maxima of the strip of rows first..last - 1, and its last rows for the strip below it.

        strip above   o o o        its last two rows come as `tail`, so that a pixel on a seam
                      o o o  <---  is compared with the same values as any other;
        ------------------ seam
        strip         . . .        this strip judges rows first - 1 to last - 2
                      . . .        (the last strip of the frame: to last - 1)

    source: (rows, columns) float32, see `Strip`.  floors: (S,) what a maximum must exceed.
    tail: (S, 0..2, columns), None for the first strip.
    """
    rows, columns = source.shape
    carried = 0 if tail is None else tail.shape[1]
    height = carried + last - first
    start, stop = min(carried, 1), height if last == rows else height - 1
    strip = Strip(source, first, last)
    kept = min(2, height)
    next_tail = torch.empty((len(scales), kept, columns), dtype=source.dtype, device=source.device)
    planes = [torch.empty((height, columns), dtype=source.dtype, device=source.device) for _ in range(2)]
    found: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = []
    below: list[npt.NDArray[np.float32]] = []
    above: list[npt.NDArray[np.float32]] = []
    extremes = np.empty((2, len(scales)), dtype=np.float32)
    for k, sigma in enumerate(scales.tolist()):
        plane, under = planes[k % 2], planes[(k + 1) % 2]
        if tail is not None:
            plane[:carried] = tail[k]
        strip.response(sigma, plane[carried:])
        next_tail[k] = plane[height - kept :]
        extremes[:, k] = _extremes(plane[carried:])
        found.append(maxima_in(plane, start, stop, float(floors[k])))
        if k == 0:
            below.append(np.full(len(found[0][0]), -np.inf, dtype=np.float32))
            continue
        below.append(best_around(under, found[k][0]))
        above.append(best_around(plane, found[k - 1][0]))
    above.append(np.full(len(found[-1][0]), -np.inf, dtype=np.float32))
    place = np.concatenate([where for where, _ in found]) + (first - carried) * columns
    scale = np.repeat(np.arange(len(scales), dtype=np.int32), [len(where) for where, _ in found])
    response = np.concatenate([value for _, value in found])
    part = StripMaxima(place, scale, response, np.concatenate(below), np.concatenate(above), *extremes)
    return part, next_tail


def gathered(
    parts: Sequence[StripMaxima],
    shape: tuple[int, ...],
    floor: float,
    cap: int | None = None,
    peaks_only: bool = False,
    shift: npt.NDArray[np.float64] | None = None,
    span: float = 1.0,
) -> SpatialMaxima:
    """One table of the strips of a frame of that shape, from top to bottom.

    shift (S,), span: what was computed as v is the response (v + shift) / span; None: as it was computed.
    """
    place, scale, response, below, above = (
        np.concatenate([getattr(part, column) for part in parts])
        for column in ("place", "scale", "response", "best_below", "best_above")
    )
    lowest = np.min([part.lowest for part in parts], axis=0)
    highest = np.max([part.highest for part in parts], axis=0)
    if shift is None:
        tops_below, tops_above = below <= response, above <= response
    else:
        last = len(shift) - 1
        value = response + shift[scale]
        tops_below = below + shift[np.maximum(scale - 1, 0)] <= value
        tops_above = above + shift[np.minimum(scale + 1, last)] <= value
        response = (value / span).astype(np.float32)
        lowest, highest = (((edge + shift) / span).astype(np.float32) for edge in (lowest, highest))
    keep = response > np.float32(floor) if shift is not None else np.ones(len(response), dtype=bool)
    most = default_cap((shape[0], shape[1])) if cap is None else cap
    capped = False
    if len(response) > most:
        for k in np.flatnonzero(np.bincount(scale[keep], minlength=1) > most):
            capped = True
            rows = np.flatnonzero(keep & (scale == k))
            keep[rows[np.argsort(-response[rows], kind="stable")[most:]]] = False
    if peaks_only:
        keep &= tops_below & tops_above
    flags = tops_below + 2 * tops_above.astype(np.int64)
    code, response = _strongest_first(
        response[keep], (place[keep] * len(lowest) + scale[keep]) * 4 + flags[keep]
    )
    place, scale = np.divmod(code >> 2, len(lowest))
    return SpatialMaxima(
        y_px=(place // shape[1]).astype(np.int32),
        x_px=(place % shape[1]).astype(np.int32),
        scale=scale.astype(np.int32),
        response=response,
        tops_below=(code & 1).astype(bool),
        tops_above=(code & 2).astype(bool),
        lowest=lowest,
        highest=highest,
        shape=(shape[0], shape[1]),
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


def _extremes(plane: torch.Tensor) -> tuple[float, float]:
    """Two values of the plane that differ, where there are any: mostly the first row has them."""
    low, high = torch.aminmax(plane[0])
    if low == high:
        low, high = torch.aminmax(plane)
    return float(low), float(high)


def _strongest_first(
    response: npt.NDArray[np.float32], code: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Both by falling response, equal ones by rising code."""
    if len(response) and response.min() > 0 and code.max() < 2**32:
        # Positive floats are ordered as their bits are. Sorting whole numbers is ten times as fast as sorting
        # places in a table, and they hold all there is to know.
        both = np.sort((-response.view(np.int32).astype(np.int64) << 32) + code)
        return both & 0xFFFFFFFF, (-(both >> 32)).astype(np.int32).view(np.float32)
    order = np.lexsort((code, -response))
    return code[order], response[order]
