"""One frame in blocks of rows, sent while the scan still runs.

rows-begin   the frame's header, as far as it is known before the first row
rows         the next rows:  0 .. 31 | 32 .. 63 | ...                       (header and pixels)
rows-end     the whole header; from here on it is a frame like any other
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from paretoscope.contract.base import Document, FrameId, Name
from paretoscope.contract.frame import MAX_SIDE_PX, FrameHeader


class RowsBegin(FrameHeader):
    """A scan has begun; its rows follow. An older frame of the stream that is unfinished is given up."""

    crc32: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """Not known yet."""


class RowsEnd(FrameHeader):
    """All rows have been sent: the header under which they are stored, with what is known by now."""

    def header(self) -> FrameHeader:
        return FrameHeader.model_construct(**{name: getattr(self, name) for name in FrameHeader.model_fields})


class RowBlock(Document):
    """Some rows of the frame that was begun, from the top and in order."""

    stream: Name
    epoch: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")]
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    first_row: Annotated[int, Field(ge=0, lt=MAX_SIDE_PX)]
    """Row of the frame that this block begins with; the next one that is not there yet."""
    rows: Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]
    """How many rows this block has."""
    crc32: Annotated[int, Field(ge=0, lt=2**32)]
    """zlib CRC-32 of all pixels from row 0 to the end of this block, so that the last one is the frame's."""

    @property
    def last_row(self) -> int:
        """Row after the last one of this block."""
        return self.first_row + self.rows

    @property
    def frame_id(self) -> FrameId:
        return f"{self.stream}-{self.epoch}-{self.sequence:06d}"


class RowsHeld(Document):
    """The bridge's answer: it has these rows in memory. Only an `Ack` says that a frame is stored."""

    stream: Name
    epoch: str
    sequence: Annotated[int, Field(ge=0)]
    held: Annotated[int, Field(ge=0)]
    """Rows from the top that are there."""
