"""Frames: one, the page of a stream's history, what came of sending one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from paretoscope.contract import ExpectedCount, Fault, FrameHeader, Guard, Ledger, LogParams
from paretoscope.contract.views.base import View

State = Literal["queued", "working", "done", "failed", "dropped"]


class FrameView(View):
    """One frame and how its analysis stands; the columns, points and pictures are behind `links`."""

    frame_id: str
    stream: str
    state: State
    """'queued' -> 'working' -> 'done', 'failed' (see `fault`) or 'dropped'."""
    revision: int
    """Grows with each re-detection."""
    age_s: float | None = None
    """How long ago its last pixel came, s, when this was answered; null before there is a result."""
    newer_frames: int = 0
    """How many frames of the stream have come since; as far as they are kept."""
    stale_after_s: float | None = None
    """At which age the guard calls it stale, s; null before there is a result."""
    atoms: int | None
    """How many atoms the newest map has; null before there is one."""
    qc: float | None
    er: float | None
    n_found: int | None
    n_expected: ExpectedCount | None
    params: LogParams | None
    """The chosen point's parameters."""
    chosen: int | None
    """Index of the chosen point on the front."""
    points: int
    """How many points the front has."""
    ledger: Ledger | None
    guard: Guard | None
    fault: Fault | None
    header: FrameHeader
    links: dict[str, str]


class Accepted(View):
    """The store has the image; its result comes."""

    frame_id: str
    stream: str
    state: State
    duplicate: bool
    """True when this epoch and sequence number had come before; it was not stored again."""
    images: int = 1
    """How many the file holds; with `?index=` another than the first is taken."""
    notes: list[str] = Field(default_factory=list)
    """What the file's reader chose or could not find, one sentence each."""
    links: dict[str, str]


class FrameRow(View):
    """One frame in a list: enough to draw it in a strip."""

    frame_id: str
    state: State
    epoch: str
    sequence: int
    received_at: str
    """UTC, when the store had it."""
    gap: int
    """How many frames are missing just before it."""
    revision: int = 0
    atoms: int | None = None
    qc: float | None = None
    er: float | None = None
    n_expected: float | None = None
    points: int | None = None
    """How many points its front has."""
    classes: dict[str, int] | None = None
    """Class id -> how many atoms."""
    mode: str | None = None
    """'tuning', 'tracking' or 'redetection'."""
    total_ms: float | None = None
    """From the last byte to the result."""
    deadline_ms: float | None = None
    acquisition_ms: float | None = None
    met: bool | None = None
    """Whether its deadline was met."""
    dose_pc_per_nm2: float | None = None
    fit_for_control: bool | None = None
    reasons: list[str] = Field(default_factory=list)
    """Why a control loop may not act on it."""
    fault: str | None = None
    """Code of what went wrong."""
    hint: str | None = None
    shape: tuple[int, int]
    pixel_size_nm: tuple[float, float] | None = None
    simulated: bool = False


class FrameIds(View):
    stream: str
    frames: list[str]
    """Newest first."""
    rows: list[FrameRow] | None = None
    """The same frames with what is known of each; with `?detail=true`."""
    before: str | None = None
    """For the next page: `?before=`; null where there is no more."""
