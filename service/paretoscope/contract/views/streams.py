"""Streams: how they stand, what came and went, pauses."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from paretoscope.contract import Pause
from paretoscope.contract.views.base import View


class StreamView(View):
    stream: str
    frames: int
    """How many are kept."""
    newest_frame: str | None
    newest_result: str | None
    queued: int
    """Waiting or being worked on."""
    last_seen: str
    """UTC, when its newest frame came."""
    paused: Pause | None = None
    """Who paused it, since when and why; null while its frames are taken."""
    links: dict[str, str]


class Streams(View):
    streams: list[StreamView]
    """The one seen last comes first."""


class PauseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    by: Annotated[str, Field(min_length=1, max_length=128)] = "operator"
    """Who says so, for the record."""
    reason: Annotated[str, Field(max_length=256)] | None = None


class PauseView(View):
    stream: str
    paused: Pause | None
    """null: its frames are taken."""


class Tally(View):
    """What a stream's frames add up to since it began."""

    stream: str
    since: str | None
    """UTC, when its first frame came; null: none has."""
    received: int
    done: int
    failed: int
    dropped: int
    dropped_by_reason: dict[str, int]
    failed_by_code: dict[str, int]
    """Faults by their code, also of messages that were refused before they were frames."""
    late: int
    """Results that came after their deadline."""
    gaps: int
    """How many times frames were missing."""
    missing: int
    """How many frames were: taken by the instrument, as their numbers tell, and never arrived."""
    busy: int = 0
    """How many times a sender heard 'busy' because too many frames waited; it sends again."""
    held: int = 0
    """How many times a sender heard 'busy' because the stream was paused."""
    duplicates: int = 0
    """Frames that came again after they were stored; they are not stored twice."""
    fenced: int = 0
    """Writes of workers that had lost their frame to another one; they are refused."""
    waiting: int
    """Queued or being worked on."""
    dose_pc_per_nm2: float | None
    """Beam current x dwell / pixel area, summed over the frames of the field that is scanned now; null where
    no frame of it told its current."""
    dose_frames: int
    """How many frames that sum is of."""
    doseless_frames: int
    """Frames of that field that told no current, dwell or pixel size: the sum is of the others."""
    field_since: str | None
    """UTC, when the field began: same epoch, shape, pixel size and scan rotation. A stage that moves within
    an epoch is not seen."""
