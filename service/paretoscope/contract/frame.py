"""One scanned image, described. The pixels travel beside it, never inside it."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from paretoscope.contract.base import Document, FrameId, Name

PixelType = Literal["uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"]
"""Little-endian, C order (row by row)."""

MAX_SIDE_PX = 16384
MAX_FRAME_BYTES = 256 * 1024 * 1024

UtcText = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
    ),
]
"""ISO 8601 with a zone: 2026-11-21T09:30:00.123Z."""


class FrameHeader(Document):
    """Which image this is, how it was taken, and how to read its bytes."""

    stream: Name
    """Whose images these are: one instrument and detector, in one order."""
    epoch: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")]
    """New each time the source starts; sequence numbers begin again at 0."""
    sequence: Annotated[int, Field(ge=0, lt=2**53)]
    """0, 1, 2, ... within the epoch; a gap means lost frames."""
    shape: tuple[Annotated[int, Field(ge=1, le=MAX_SIDE_PX)], Annotated[int, Field(ge=1, le=MAX_SIDE_PX)]]
    """(rows, columns), pixels."""
    dtype: PixelType
    nbytes: Annotated[int, Field(ge=1, le=MAX_FRAME_BYTES)]
    """Length of the pixel part, bytes."""
    crc32: Annotated[int, Field(ge=0, lt=2**32)]
    """zlib CRC-32 of the pixel part."""
    pixel_size_nm: tuple[PositiveFloat, PositiveFloat] | None = None
    """Distance between pixel centres along (rows, columns), nm; None where the instrument does not know."""
    dwell_us: PositiveFloat | None = None
    """Time the probe stays on one pixel, microseconds."""
    frame_time_s: PositiveFloat | None = None
    """From the first pixel to the image in hand, seconds: exposure, flyback and transfer."""
    acquired_start: UtcText | None = None
    acquired_end: UtcText | None = None
    monotonic_ns: Annotated[int, Field(ge=0)] | None = None
    """The sender's monotonic clock when the scan ended, ns; for latencies on one host."""
    acquisition_id: Annotated[str, Field(max_length=128)] | None = None
    detector: Annotated[str, Field(max_length=64)] | None = None
    instrument: Annotated[str, Field(max_length=128)] | None = None
    beam_current_pa: PositiveFloat | None = None
    simulated: bool = False
    scan_rotation_deg: float | None = None
    note: Annotated[str, Field(max_length=512)] | None = None

    @model_validator(mode="after")
    def _bytes_agree_with_shape(self) -> FrameHeader:
        rows, columns = self.shape
        expected = rows * columns * np.dtype(self.dtype).itemsize
        if expected != self.nbytes:
            raise ValueError(
                f"shape {rows} x {columns} of {self.dtype} is {expected} bytes, the header says {self.nbytes}"
            )
        return self

    @property
    def frame_id(self) -> FrameId:
        """The same frame sent twice has the same id."""
        return f"{self.stream}-{self.epoch}-{self.sequence:06d}"

    @property
    def dose_pc_per_nm2(self) -> float | None:
        """Charge per area of one scan, pC / nm^2; None unless current, dwell and pixel size are known."""
        if self.beam_current_pa is None or self.dwell_us is None or self.pixel_size_nm is None:
            return None
        return self.beam_current_pa * self.dwell_us * 1e-6 / (self.pixel_size_nm[0] * self.pixel_size_nm[1])


class StreamEnd(Document):
    """The source has sent its last frame of this epoch."""

    stream: Name
    epoch: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")]
    frames: Annotated[int, Field(ge=0)]
    """How many it sent; fewer here than that means loss."""


class Heartbeat(Document):
    stream: Name | None = None
    monotonic_ns: Annotated[int, Field(ge=0)] = 0


class Ack(Document):
    """The store has this frame."""

    frame_id: FrameId
    stream: Name
    epoch: str
    sequence: PositiveInt | Literal[0]
    duplicate: bool = False
    """True when this frame had already been stored; it was not stored again."""
    gap: Annotated[int, Field(ge=0)] = 0
    """How many sequence numbers are missing before this one."""


class BusyNotice(Document):
    """Not now: the same frame is welcome again after a while. Nothing was stored."""

    code: str
    """'store-down', 'backlog-full', ..."""
    hint: str
    retry_after_s: Annotated[float, Field(ge=0.0, le=600.0)] = 0.5
    stream: Name | None = None
    epoch: str | None = None
    sequence: int | None = None
