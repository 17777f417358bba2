"""What the store hands out besides the contract's documents."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeVar, cast

import numpy as np

from paretoscope.contract import Choice, Document, Fault, FrameHeader, Pause

D = TypeVar("D", bound=Document)

FrameState = Literal["queued", "working", "done", "failed", "dropped"]
ChoiceState = Literal["queued", "done", "failed"]
WorkerEnd = Literal["died", "hung"]


@dataclass(frozen=True)
class Claim:
    """A frame that one worker holds until it finishes or fails it."""

    frame_id: str
    header: FrameHeader
    pixels: np.ndarray
    """(rows, columns) of the header's dtype, read-only."""
    entry: str
    """Its entry in the work queue."""
    deliveries: int
    """How often it has been handed out: more than 1 after a worker died over it."""
    received_at: datetime
    """UTC, when the store got it."""
    gap: int = 0
    """How many frames are missing just before it."""
    waited_s: float = 0.0
    """Since the store got it, by a clock that nobody sets."""
    fence: int = 0
    """Grows each time the frame is handed out; an older claim's writes are refused."""
    hung: int = 0
    """How many of its workers were killed because they hung."""


@dataclass(frozen=True)
class Snapshot:
    """A frame as it stood at one moment: a result is never seen in part."""

    header: FrameHeader
    state: FrameState
    told: dict[str, Any]
    """What a list tells of the documents that were not asked for themselves: see `row_of`."""
    documents: dict[type[Document], Document]

    def document(self, kind: type[D]) -> D | None:
        """None where there is none yet."""
        return cast("D | None", self.documents.get(kind))


@dataclass(frozen=True)
class ChoiceClaim:
    """A choice that one worker holds until it is answered."""

    choice_id: str
    choice: Choice
    entry: str
    deliveries: int
    fence: int = 0
    """Grows each time the choice is handed out; an older claim's answer is refused."""


@dataclass(frozen=True)
class ChoiceResult:
    choice_id: str
    frame_id: str
    state: ChoiceState
    revision: int | None = None
    """Revision of the documents that answer it; None until it is done."""
    fault: Fault | None = None


@dataclass(frozen=True)
class StreamSummary:
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


@dataclass(frozen=True)
class WorkerBeat:
    """A worker's sign of life."""

    consumer: str
    at: str
    """UTC."""
    pid: int
    device: str
    state: str
    """'starting', 'ready' or 'working'."""
    detail: str = ""
    tick_age_s: float | None = None
    """When it was given: seconds since the thread that computes came a step further."""
    kernel_ms: float | None = None
    """How long the last tiny kernel took on its device."""
    kernel_age_s: float | None = None
    """When it was given: seconds since that kernel ran."""
    kernel_error: str = ""
    """What was wrong with it; '' = nothing."""
    age_s: float = 0.0
    """Of this sign of life, by the store's clock."""


@dataclass(frozen=True)
class BridgeBeat:
    """A bridge's sign of life."""

    at: str
    """UTC."""
    address: str
    pid: int = 0
    contested: list[str] = field(default_factory=list)
    """Streams that two senders wanted lately; one of them waits."""
    age_s: float = 0.0
    """Of this sign of life, by the store's clock."""
