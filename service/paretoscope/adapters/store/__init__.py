"""The store: frames, results, choices and events on Valkey or Redis, through redis-py.

``Store`` is synchronous and thread-safe. Each file adds one concern to the one below it:
link (the wire) <- events <- queue (consumer groups) <- held <- frames <- choices <- pauses <- instruments <-
streams <- history <- scans <- audit <- dead_letters <- schema <- ``Store``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from paretoscope.adapters.store.link import uptime, utc_now, utc_text
from paretoscope.adapters.store.records import (
    BridgeBeat,
    ChoiceClaim,
    ChoiceResult,
    Claim,
    FrameState,
    Snapshot,
    StreamSummary,
    WorkerBeat,
)
from paretoscope.adapters.store.scans import ScanRows
from paretoscope.adapters.store.schema import Schema
from paretoscope.settings import Limits

__all__ = [
    "BridgeBeat",
    "ChoiceClaim",
    "ChoiceResult",
    "Claim",
    "FrameState",
    "ScanRows",
    "Snapshot",
    "Store",
    "StreamSummary",
    "WorkerBeat",
    "utc_now",
    "utc_text",
]


class Store(Schema):
    """Everything that must outlive a process."""

    @classmethod
    def open(
        cls,
        url: str,
        limits: Limits | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        uptime: Callable[[], tuple[str, float]] = uptime,
        claim_idle_s: float | None = None,
    ) -> Store:
        """Connect lazily to ``redis://``, ``rediss://`` or ``unix://``; the first command finds out whether
        somebody is there. Raises BadParameters for an address that is none."""
        return cls(url, limits, clock=clock, uptime=uptime, claim_idle_s=claim_idle_s)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
