"""Where a frame's time went, and whether its deadline was met."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat

from paretoscope.contract.base import Document, FrameId
from paretoscope.contract.policy import StreamPolicy


class StageTime(Document):
    name: str
    """'queued', 'scale-space', 'lattice', 'detect', 'tune', 'refine', 'segment', 'publish', ..."""
    ms: NonNegativeFloat


class Ledger(Document):
    frame_id: FrameId
    received_at: str
    """UTC, when the bridge had the last byte."""
    published_at: str | None = None
    stages: list[StageTime]
    total_ms: NonNegativeFloat
    """From last byte at the bridge to the result in the store."""
    deadline_ms: NonNegativeFloat
    met: bool
    acquisition_ms: NonNegativeFloat | None = None
    """The frame's own time at the instrument, to set beside `total_ms`."""
    dose_pc_per_nm2: NonNegativeFloat | None = None
    mode: Literal["tuning", "tracking", "redetection"] = "tuning"
    optimiser: str | None = None
    evaluations: Annotated[int, Field(ge=0)] = 0
    device: str = "cpu"
    version: str = ""
    drift: list[str] = Field(default_factory=list)
    """What differed from the frame tuned before: codes such as 'dose', 'structure', 'age' (this one was then
    tuned anew) and 'atoms-falling' (it was not: see docs/explanation/tracking.md)."""
    tuned_frame_id: FrameId | None = None
    """On a tracked frame, the frame whose tuning it uses."""
    policy: StreamPolicy | None = None
    """The policy that was in force."""
    redetection: Ledger | None = None
    """Of the last choice on this frame, in mode 'redetection': from when a worker took the choice."""


class Guard(Document):
    """Whether a control loop may act on this result."""

    frame_id: FrameId
    fit_for_control: bool
    reasons: list[str] = Field(default_factory=list)
    """Empty when fit; else codes such as 'simulated', 'sequence-gap', 'deadline-missed', 'er-too-high'.
    'stale' is told anew with each answer."""

    def with_reason(self, reason: str) -> Guard:
        if reason in self.reasons:
            return self
        return self.model_copy(update={"fit_for_control": False, "reasons": [*self.reasons, reason]})
