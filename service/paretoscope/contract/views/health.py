"""How the service stands."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from paretoscope.contract import Pause
from paretoscope.contract.views.base import View


class Health(View):
    status: Literal["ok"] = "ok"


class WorkerView(View):
    consumer: str
    device: str
    state: str
    detail: str
    at: str
    age_s: float | None = None
    """Seconds since its last sign of life."""
    pid: int | None = None
    """Of the process that works."""
    tick_age_s: float | None = None
    """Seconds since the thread that computes came a step further."""
    kernel_ms: float | None = None
    """How long a tiny kernel took on its device; it runs every two seconds, between frames."""
    kernel_age_s: float | None = None
    """Seconds since it ran."""
    kernel_error: str = ""
    """What was wrong with it; empty: nothing."""


class ReadinessCheck(View):
    name: Literal["store", "event-log", "worker", "kernel", "kernel-age", "bridge"]
    ok: bool
    value: float | None = None
    """What was measured; null: there was nothing to measure."""
    unit: str = ""
    limit: float | None = None
    """Beyond which it is not ok."""
    words: str = ""
    """What is wrong and what to do; empty when it is ok."""


class Readiness(View):
    ready: bool
    store: bool
    store_ms: float | None = None
    """How long the store took to answer."""
    bridge_seen_s: float | None = None
    """Seconds since a bridge's last sign of life; null: none was heard of lately."""
    event_log: bool
    workers: list[WorkerView]
    checks: list[ReadinessCheck] = Field(default=[])
    """Each thing that was looked at, with its figure."""
    reasons: list[str]
    """Why not, in words; empty when ready."""


class Version(View):
    version: str
    contract: str
    """Major and minor version of the documents."""
    api: str = "v1"


class StatusReason(View):
    code: str
    """'store-slow', 'no-worker', 'backlog', ...; stable."""
    words: str
    """For an operator."""


class StatusView(View):
    state: Literal["ok", "degraded", "down"]
    """'degraded': something is missing or slow, the rest works. 'down': nothing can be read or taken."""
    reasons: list[StatusReason]
    store_ms: float | None
    """How long the store took to answer."""
    event_log: bool
    workers: list[WorkerView]
    bridge_seen_s: float | None = None
    """Seconds since a bridge's last sign of life; null: none was heard of lately."""
    queued: int = 0
    """Frames that wait or are being worked on, all streams together."""
    paused: dict[str, Pause] = Field(default_factory=dict)
    """Streams that an operator holds; no fault."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Everything counted since the store was made, all streams together: 'drop:too-old', ..."""
