"""One frame while it is being scanned."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np

from paretoscope.contract import FrameHeader, RowBlock, RowsBegin
from paretoscope.errors import BadFrame, Busy
from paretoscope_client.lane import Slip
from paretoscope_client.pixels import header_for
from paretoscope_client.receipt import Receipt


@dataclass(frozen=True)
class Handover:
    """What a scan needs of its sender."""

    slip: Callable[[Slip], None]
    """Some rows, to be sent soon."""
    frame: Callable[[FrameHeader, memoryview], Receipt]
    """The whole frame."""
    give_up: Callable[[RowsBegin], None]


class Scan:
    """Rows in, as the instrument has them; the whole frame is kept until the bridge has acknowledged it.

        with sender.begin((512, 512), "uint16", pixel_size_nm=0.02, dwell_us=5.0) as scan:
            for rows in instrument:          # (n, 512) each, from the top
                scan.rows(rows)
        scan.receipt.wait(10)                # only where the caller wants to know

    Leaving the block ends the frame; leaving it with an error gives it up. Made by ``FrameSender.begin``;
    used by one thread.
    """

    def __init__(
        self,
        begin: RowsBegin,
        meta: dict[str, Any],
        handover: Handover,
    ) -> None:
        """meta: what is known of the frame, as it was given."""
        self.begin = begin
        self.row = 0
        """Rows that are there; the next one to come."""
        self.receipt: Receipt | None = None
        """Of the frame, once it was ended."""
        self._open = True
        self._handover = handover
        self._meta = meta
        self._crc32 = 0
        self._image = np.empty(begin.shape, np.dtype(begin.dtype).newbyteorder("<"))

    @property
    def frame_id(self) -> str:
        return self.begin.frame_id

    @property
    def is_open(self) -> bool:
        return self._open

    def rows(self, rows: Any) -> int:
        """Copy the next rows and return at once; how many rows of the frame are there now.

        rows: (n, columns), or (columns,) for one row, of the frame's dtype in any byte order.
        Raises BadFrame for rows that are none of this frame, Busy('scan-over') after its end.
        """
        self._refuse_when_over()
        block = np.atleast_2d(np.asarray(rows))
        columns = self.begin.shape[1]
        if block.ndim != 2 or block.shape[1] != columns or self.row + len(block) > self.begin.shape[0]:
            raise BadFrame(
                "bad-shape",
                hint=f"Rows of shape {np.shape(rows)} do not fit behind row {self.row} of a frame of "
                f"{self.begin.shape[0]} x {columns} pixels.",
            )
        if block.dtype.name != self.begin.dtype:
            raise BadFrame(
                "bad-dtype", hint=f"The frame was begun with {self.begin.dtype}; these are {block.dtype}."
            )
        if len(block) == 0:
            return self.row
        first, self.row = self.row, self.row + len(block)
        self._image[first : self.row] = block
        pixels = self._image[first : self.row].data.cast("B")
        self._crc32 = zlib.crc32(pixels, self._crc32)
        told = RowBlock(
            stream=self.begin.stream,
            epoch=self.begin.epoch,
            sequence=self.begin.sequence,
            first_row=first,
            rows=len(block),
            crc32=self._crc32,
        )
        self._handover.slip(Slip(told, pixels.toreadonly()))
        return self.row

    def holds(self, image: np.ndarray) -> bool:
        """Whether the rows given so far are all of `image`."""
        return self.row == self.begin.shape[0] and np.array_equal(self._image, image)

    def end(self, **meta: Any) -> Receipt:
        """All rows were given: queue the frame and return at once.

        meta: fields of ``FrameHeader`` that were not known at the beginning, or are known better now.
        Raises BadFrame('rows-missing') before the last row, BadFrame for a field that does not fit.
        """
        self._refuse_when_over()
        if self.row < self.begin.shape[0]:
            raise BadFrame(
                "rows-missing", hint=f"{self.row} of {self.begin.shape[0]} rows were given; cancel the scan."
            )
        begin, known = self.begin, {"monotonic_ns": time.monotonic_ns(), **self._meta, **meta}
        header = header_for(begin.stream, begin.epoch, begin.sequence, begin.shape, begin.dtype, known)
        self._open = False
        header = header.model_copy(update={"crc32": self._crc32})
        self.receipt = self._handover.frame(header, self._image.data.cast("B").toreadonly())
        return self.receipt

    def cancel(self) -> None:
        """Give the frame up. Its number goes to the next one, unless another has been taken since."""
        if self._open:
            self._open = False
            self._handover.give_up(self.begin)

    def __enter__(self) -> Scan:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._open:
                self.end()
        finally:
            self.cancel()

    def _refuse_when_over(self) -> None:
        if not self._open:
            raise Busy("scan-over", hint="This scan was ended or given up; begin another.", retry=False)
