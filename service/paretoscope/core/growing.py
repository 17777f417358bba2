"""The scale space of a frame that is still being scanned.

Rows come from the instrument from top to bottom. A strip of rows can be filtered as soon as the rows have
come that the widest kernel reaches below it; after the last row only those that waited for it are left:

    rows   0 ............. done ........ filled ............ rows
           |  maxima found  |   waiting   |   not scanned yet  |
                              kernel's reach + less than a strip

The brightest and the darkest pixel of the frame, between which it will be scaled to [0, 1], are not known
yet. Filtering is linear: raw values are filtered, and the responses at the maxima are scaled in the end:

    response of (raw - low) / (high - low)  =  (response of (raw - level) + (level - low) * r1) / (high - low)

with r1 the response to an image of ones (`scale_space.constant_response`: kernels end, so it is not 0) and a
level amid the first rows' values, which keeps float32 exact for small contrast on a large offset. Scales,
whose r1 differ, are compared in the end as well.

What may turn out otherwise in the end is filtered again, strip by strip: where a hot pixel was clipped
(`hot_pixels`), and where a strip's floor, guessed from the extremes so far, was too high.

The result differs from the whole frame's, `CandidateSet.build`, by rounding alone: responses by less than
1e-6, and a maximum, a flag or a place in the order only where two values are that close.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from paretoscope.core.candidates import CandidateSet
from paretoscope.core.hot_pixels import Cleaned
from paretoscope.core.peaks import StripMaxima, gathered, strip_maxima
from paretoscope.core.scale_space import STRIP_ROWS, constant_response, exact_grid, rim_px
from paretoscope.errors import BadFrame

LOWER_YET = 0.25
"""Later rows may be darker than all before by this share of the contrast, and no strip is filtered again."""
ROUNDING = 1e-6
"""Share of the contrast by which a strip's floor is set lower than it need be."""
LONELY = 8
"""So many pixels of a block of rows may be hot, and as many dead, without deciding on floors."""
LEAST_SPAN, LARGEST_VALUE = 1e-25, 1e25
"""Pixels beyond leave float32; the frame is then filtered as a whole, in the end."""


@dataclass(frozen=True)
class _Strip:
    first: int
    last: int
    floors: npt.NDArray[np.float64]
    part: StripMaxima
    tail: torch.Tensor


class GrowingScaleSpace:
    """Fill it with rows by `add` while they come, then ask `finish` for the candidates of the whole frame.

    Memory: the frame as float32, and the table of maxima. Not thread-safe: one thread at a time.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        sigmas: npt.ArrayLike,
        floor: float,
        device: str | torch.device = "cpu",
        cap: int | None = None,
    ) -> None:
        """shape: (rows, columns) of the whole frame.  sigmas, floor, cap: as for `CandidateSet.build`.

        Raises BadParameters for scales that are not evenly spaced.
        """
        self.shape = shape
        self.sigmas = exact_grid(sigmas)
        self.floor = float(floor)
        self.filled = 0
        """Rows that have come."""
        self._cap, self._device = cap, device
        self._source = torch.zeros(shape, dtype=torch.float32, device=device)
        self._ones = np.array([constant_response(sigma) for sigma in self.sigmas.tolist()])
        self._level, self._low, self._high = 0.0, np.inf, -np.inf
        self._usable = True
        self._strips: list[_Strip] = []

    def add(self, first_row: int, rows: npt.NDArray) -> None:
        """Take the next rows, (n, columns) of any real dtype, as the instrument has them.

        Filters what can be filtered now: some milliseconds for rows of 512 pixels. Rows come in order.
        Raises BadFrame for others.
        """
        if first_row != self.filled or rows.ndim != 2 or rows.shape[1] != self.shape[1]:
            raise BadFrame(
                "rows-out-of-order",
                hint=f"Rows {self.filled} and on of {self.shape[1]} pixels are next; "
                f"{rows.shape} from row {first_row} came.",
            )
        if first_row + len(rows) > self.shape[0]:
            raise BadFrame(
                "too-many-rows", hint=f"Row {first_row + len(rows)} came; the frame has {self.shape[0]}."
            )
        if not len(rows):
            return
        self._usable = self._usable and _fits(float(rows.min()), float(rows.max()))
        if self._usable:
            if not self.filled:
                self._level = float(np.median(rows))
            most = min(LONELY, rows.size - 1)
            ranked = np.partition(rows, (most, rows.size - 1 - most), axis=None)
            self._low = min(self._low, float(ranked[most]))
            self._high = max(self._high, float(ranked[-1 - most]))
            self._write(first_row, rows)
        self.filled += len(rows)
        if self._usable:
            self._advance(at_least=2 if self.shape[0] - self.filled <= len(rows) else self._usual_height())

    def finish(self, image: npt.NDArray, cleaned: Cleaned) -> CandidateSet:
        """The candidates of the frame: those of ``CandidateSet.build(cleaned.image, ...)`` but for rounding.

        image: the whole frame as it came; rows that were not added are taken from it.
        cleaned: the same scaled to [0, 1], hot pixels clipped: `without_hot_pixels` of it.
        """
        low, span = cleaned.low, cleaned.high - cleaned.low
        if not self._usable or image.shape != self.shape or span < LEAST_SPAN or not _fits(low, cleaned.high):
            return self._from_scratch(cleaned)
        self._write(self.filled, image[self.filled :])
        self.filled, self._low, self._high = self.shape[0], low, cleaned.high
        at, row = cleaned.places, cleaned.places // self.shape[1]
        repaired = cleaned.image.reshape(-1)[at].astype(np.float64) * span + (low - self._level)
        self._source.view(-1)[torch.as_tensor(at, device=self._source.device)] = torch.as_tensor(
            repaired, dtype=torch.float32, device=self._source.device
        )
        shift = (self._level - low) * self._ones
        again = self._to_filter_again(row, self.floor * span - shift)
        if 2 * sum(self._strips[i].last - self._strips[i].first for i in again) > self.shape[0]:
            return self._from_scratch(cleaned)
        for i in again:
            self._strips[i] = self._filtered(self._strips[i].first, self._strips[i].last, i)
        self._advance(at_least=1)
        maxima = gathered(
            [strip.part for strip in self._strips], self.shape, self.floor, self._cap, shift=shift, span=span
        )
        return CandidateSet(maxima, self.sigmas, self.floor, self._cap)

    def _from_scratch(self, cleaned: Cleaned) -> CandidateSet:
        return CandidateSet.build(cleaned.image, self.sigmas, self.floor, self._device, self._cap)

    def _write(self, first_row: int, rows: npt.NDArray) -> None:
        above = np.subtract(rows, self._level, dtype=np.float64).astype(np.float32)
        self._source[first_row : first_row + len(rows)] = torch.from_numpy(above)

    def _advance(self, at_least: int) -> None:
        """Filter what is there, in strips of no less than `at_least` rows."""
        while (last := self._ready()) - self.done >= at_least:
            first = self.done
            pieces = max(1, round((last - first) / STRIP_ROWS))
            self._strips.append(self._filtered(first, first + (last - first) // pieces, len(self._strips)))

    @property
    def done(self) -> int:
        """Rows whose maxima have been found."""
        return self._strips[-1].last if self._strips else 0

    def _ready(self) -> int:
        """One more than the last row whose kernels' reach has been filled."""
        if self.filled == self.shape[0]:
            return self.filled
        first, last = self.done, self.filled
        while last > first and last + self._rim(last - first) > self.filled:
            last -= 1
        return last

    def _rim(self, height: int) -> int:
        return max(rim_px(height, sigma) for sigma in self.sigmas.tolist())

    def _usual_height(self) -> int:
        # Lower strips are filtered sooner; of higher ones less is spent on rims.
        return max(rim_px(1, float(self.sigmas[-1])), 2)

    def _filtered(self, first: int, last: int, index: int) -> _Strip:
        tail = self._strips[index - 1].tail if index else None
        floors = self._floors()
        part, tail = strip_maxima(self._source, first, last, self.sigmas, floors, tail)
        return _Strip(first, last, floors, part, tail)

    def _floors(self) -> npt.NDArray[np.float64]:
        """What raw responses must exceed, (S,), as low as it can become while the rest of the rows comes."""
        span = self._high - self._low
        darker = self._low - (LOWER_YET * span if self.filled < self.shape[0] else 0.0)
        low = np.where(self._ones > self.floor, darker, self._low)
        floors = self.floor * (self._high - low) - (self._level - low) * self._ones
        return floors - ROUNDING * (span + abs(self._level - self._low))

    def _to_filter_again(self, rows: npt.NDArray, floors: npt.NDArray[np.float64]) -> list[int]:
        """Strips that repaired rows reach, or whose floor was above `floors`; and those below them."""
        again: set[int] = set()
        for i, strip in enumerate(self._strips):
            rim = self._rim(strip.last - strip.first)
            reached = np.any((rows >= strip.first - rim) & (rows < strip.last + rim))
            if reached or np.any(strip.floors > floors):
                again |= {i, i + 1}  # the strip below judges this one's last row
        return sorted(again & set(range(len(self._strips))))


def _fits(low: float, high: float) -> bool:
    """Whether pixels between `low` and `high` can be filtered as they are, in float32."""
    return max(-low, high) < LARGEST_VALUE  # not for NaN
