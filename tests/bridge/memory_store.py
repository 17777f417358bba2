"""A store in memory with the same promises, and switches for being down or full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from paretoscope.contract import Event, FrameHeader, RowsBegin
from paretoscope.errors import Busy, StoreDown


class MemoryStore:
    def __init__(self, capacity: int = 10_000) -> None:
        self.frames: dict[str, tuple[FrameHeader, bytes]] = {}
        self.gaps: dict[str, int] = {}
        self.events: list[Event] = []
        self.counts: Counter[str] = Counter()
        self.tallies: Counter[tuple[str | None, str]] = Counter()
        self.scans: dict[str, tuple[RowsBegin, str, bytes]] = {}
        self.runs = 0
        self.capacity = capacity
        self.bridge = ""
        self.contested: list[str] = []
        self.down = False
        self.broken = False

    def _reach(self) -> None:
        if self.down:
            raise StoreDown(hint="The store does not answer. Is it running?")
        if self.broken:
            raise ZeroDivisionError("a fault in the store's own code")

    def put_frame(
        self,
        header: FrameHeader,
        pixels: memoryview,
        *,
        received_at: datetime | None = None,
        gap: int | None = None,
    ) -> bool:
        self._reach()
        if header.frame_id in self.frames:
            return False
        if len(self.frames) >= self.capacity:
            raise Busy("backlog-full", hint="Frames wait for a worker. Send again later.")
        self.frames[header.frame_id] = (header, bytes(pixels))
        self.gaps[header.frame_id] = gap or 0
        return True

    def last_sequence(self, stream: str) -> tuple[str, int] | None:
        self._reach()
        of_stream = [
            (header.epoch, header.sequence) for header, _ in self.frames.values() if header.stream == stream
        ]
        return max(((e, n) for e, n in of_stream if e == of_stream[-1][0]), default=None)

    def scan_begun(self, begin: RowsBegin) -> str:
        self._reach()
        self.runs += 1
        self.scans[begin.stream] = begin, str(self.runs), b""
        return str(self.runs)

    def scan_rows(self, stream: str, run: str, first_row: int, held: int, pixels: memoryview) -> bool:
        self._reach()
        begin, shown, before = self.scans.get(stream, (None, "", b""))
        if begin is None or shown != run or len(before) * begin.shape[0] != first_row * begin.nbytes:
            return False
        self.scans[stream] = begin, run, before + bytes(pixels)
        return True

    def scan_over(self, stream: str) -> None:
        self._reach()
        self.scans.pop(stream, None)

    def append_event(self, event: Event) -> str:
        self._reach()
        self.events.append(event)
        return str(len(self.events))

    def beat_bridge(self, address: str, *, pid: int, contested: Iterable[str] = ()) -> None:
        self._reach()
        self.bridge = address
        self.contested = list(contested)

    def count(self, name: str, by: int = 1, stream: str | None = None) -> int:
        self._reach()
        self.counts[name] += by
        self.tallies[stream, name] += by
        return self.counts[name]

    def events_of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event.kind == kind]
