"""Frames that come in blocks of rows, put together again; sans-IO, bounded, and never the only copy.

    rows-begin   nothing held, or an older unfinished frame of the stream    room for it, if there is
    rows         the next rows                                               added, if size and checksum fit
                 rows that are held already, the same                        nothing happens
                 any others                                                  refused; the frame is dropped
    rows-end     all rows are held and the checksum fits                     a frame, as if sent whole

The sender keeps the whole frame until it is acknowledged, so dropping one here loses nothing: its next block
is refused, and the sender falls back to the whole frame.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable

import numpy as np

from paretoscope.contract import FrameHeader, RowBlock, RowsBegin, RowsEnd
from paretoscope.contract.wire import FrameMessage
from paretoscope.errors import BadFrame

MAX_UNFINISHED = 32
"""Frames that may be unfinished at a time, one of each stream."""
MAX_UNFINISHED_BYTES = 512 * 1024 * 1024
"""What they may come to when they are finished."""
UNFINISHED_S = 300.0
"""How long after its last block an unfinished frame is waited for, s."""


class Unfinished:
    """A frame of which the rows down to `held` have come."""

    def __init__(self, begin: RowsBegin, now_s: float) -> None:
        self.begin = begin
        self.row_bytes = begin.shape[1] * np.dtype(begin.dtype).itemsize
        self.held = 0
        self.crc32 = 0
        self.heard_s = now_s
        self.pixels = bytearray()
        """Grows as rows come: a promise of pixels allocates nothing."""
        self.shown_as: str | None = None
        """Under which run the store shows its rows; None where it does not."""
        self.told_s = float("-inf")
        """When the last event about it was written, s."""


class RowDesk:
    """drop: told each time an unfinished frame is given up, and why."""

    def __init__(self, drop: Callable[[Unfinished, str], None] = lambda one, reason: None) -> None:
        self._drop = drop
        self._unfinished: dict[str, Unfinished] = {}

    def __len__(self) -> int:
        return len(self._unfinished)

    @property
    def nbytes(self) -> int:
        """What is held, bytes."""
        return sum(len(one.pixels) for one in self._unfinished.values())

    def begin(self, begin: RowsBegin, now_s: float) -> Unfinished:
        """Raises BadFrame('rows-full') where there is no room."""
        self.give_up(begin.stream, "begun-anew")
        self.expire(now_s)
        promised = sum(one.begin.nbytes for one in self._unfinished.values()) + begin.nbytes
        if len(self._unfinished) >= MAX_UNFINISHED or promised > MAX_UNFINISHED_BYTES:
            raise BadFrame(
                "rows-full",
                hint=f"{len(self._unfinished)} frames are unfinished here and leave no room for one of "
                f"{begin.nbytes} bytes. Send this one whole.",
            )
        self._unfinished[begin.stream] = Unfinished(begin, now_s)
        return self._unfinished[begin.stream]

    def add(self, block: RowBlock, pixels: memoryview, now_s: float) -> tuple[Unfinished, bool]:
        """The frame with these rows, and whether they are new to it. Raises BadFrame; the frame is then gone.

        Codes: rows-unknown, bad-size, rows-out-of-order, bad-checksum.
        """
        one = self._held(block.stream, block.epoch, block.sequence)
        try:
            new = _add(one, block, pixels)
        except BadFrame as error:
            self.give_up(block.stream, error.code)
            raise
        one.heard_s = now_s
        return one, new

    def finish(self, end: RowsEnd) -> FrameMessage:
        """The whole frame, which is held no longer. Raises BadFrame: rows-unknown, rows-missing,
        bad-checksum."""
        one = self._held(end.stream, end.epoch, end.sequence)
        try:
            _check_whole(one, end)
        except BadFrame as error:
            self.give_up(end.stream, error.code)
            raise
        del self._unfinished[end.stream]
        return FrameMessage(end.header(), memoryview(one.pixels).toreadonly())

    def came_whole(self, header: FrameHeader) -> None:
        """The sender fell back to sending this frame whole."""
        one = self._unfinished.get(header.stream)
        if one is not None and one.begin.frame_id == header.frame_id:
            self.give_up(header.stream, "sent-whole")

    def give_up(self, stream: str, reason: str) -> None:
        one = self._unfinished.pop(stream, None)
        if one is not None:
            self._drop(one, reason)

    def expire(self, now_s: float) -> None:
        """Give up what nobody goes on with."""
        old = [name for name, one in self._unfinished.items() if now_s - one.heard_s > UNFINISHED_S]
        for stream in old:
            self.give_up(stream, "too-old")

    def _held(self, stream: str, epoch: str, sequence: int) -> Unfinished:
        one = self._unfinished.get(stream)
        if one is None or (one.begin.epoch, one.begin.sequence) != (epoch, sequence):
            raise BadFrame(
                "rows-unknown",
                hint=f"No rows of frame {sequence} of epoch {epoch} are held here: it was not begun, given "
                "up, or the bridge started anew. Send the whole frame.",
            )
        return one


def _add(one: Unfinished, block: RowBlock, pixels: memoryview) -> bool:
    rows = one.begin.shape[0]
    expected = block.rows * one.row_bytes
    if block.last_row > rows or pixels.nbytes != expected:
        raise BadFrame(
            "bad-size",
            hint=f"Rows {block.first_row} to {block.last_row - 1} of {rows}, {one.row_bytes} bytes each, are "
            f"{expected} bytes; {pixels.nbytes} came. Check 'first_row', 'rows' and the sender's dtype.",
        )
    if block.last_row <= one.held:
        begin = block.first_row * one.row_bytes
        if memoryview(one.pixels)[begin : begin + expected] != pixels:
            raise BadFrame(
                "rows-out-of-order",
                hint=f"Rows {block.first_row} to {block.last_row - 1} came again with other pixels. "
                "Begin anew, or send the whole frame.",
            )
        return False
    if block.first_row != one.held:
        raise BadFrame(
            "rows-out-of-order",
            hint=f"Rows from {block.first_row} came; {one.held} should have been the next. "
            "Send the whole frame.",
        )
    found = zlib.crc32(pixels, one.crc32)
    if found != block.crc32:
        raise BadFrame(
            "bad-checksum",
            hint=f"CRC-32 of rows 0 to {block.last_row - 1} is {found:#010x}; the header says "
            f"{block.crc32:#010x}. It goes on from block to block. Send the whole frame.",
        )
    one.pixels += pixels
    one.held, one.crc32 = block.last_row, found
    return True


def _check_whole(one: Unfinished, end: RowsEnd) -> None:
    rows = one.begin.shape[0]
    if one.held < rows or (end.shape, end.dtype) != (one.begin.shape, one.begin.dtype):
        raise BadFrame(
            "rows-missing",
            hint=f"{one.held} of {rows} rows of {one.begin.shape[1]} {one.begin.dtype} pixels have come; "
            f"this ends a frame of {end.shape[0]} x {end.shape[1]} {end.dtype}. Send the whole frame.",
        )
    if one.crc32 != end.crc32:
        raise BadFrame(
            "bad-checksum",
            hint=f"CRC-32 of the rows is {one.crc32:#010x}; the header says {end.crc32:#010x}. "
            "Send the whole frame.",
        )
