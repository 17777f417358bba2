"""What happened, in order: the service's event log and the faults it counts."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from paretoscope.contract.base import Document, FrameId, Name

EventKind = Literal[
    "scan",
    "frame",
    "progress",
    "result",
    "choice",
    "policy",
    "class-named",
    "fault",
    "gap",
    "drop",
    "end",
    "worker",
    "part",
    "pause",
    "instrument",
]
"""scan: rows of a frame that is still being scanned have come (row, rows); the frame is not stored yet.
part: a part of the service, bridge or api, ended by itself (part, exit_code) and is started again."""


class Event(Document):
    kind: EventKind
    stream: Name | None = None
    frame_id: FrameId | None = None
    at: str
    """UTC."""
    data: dict[str, Any] = Field(default_factory=dict)
    """JSON-able details: counts, qc, er, verdict, reason."""


class Progress(Document):
    frame_id: FrameId
    stage: str
    fraction: Annotated[float, Field(ge=0.0, le=1.0)]
    detail: str = ""


class Fault(Document):
    """Something refused or failed; it is counted by code and told to whoever sent it."""

    code: str
    hint: str
    retry: bool = False
    stream: Name | None = None
    frame_id: FrameId | None = None
    epoch: str | None = None
    sequence: int | None = None
    about: str | None = None
    """Type of the message that was refused, where it is one of a frame in blocks of rows."""


class DeadLetter(Document):
    """A frame that workers died over, kept with its pixels."""

    frame_id: FrameId
    stream: Name
    at: str
    """UTC, when it was given up."""
    deliveries: int
    """How many workers died or hung over it."""
    fault: Fault
