"""Counts and events that wait for the store: neither a dead store nor a flood of junk stops the bridge."""

from __future__ import annotations

import logging
import os
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from paretoscope.bridge.stores import FrameStore
from paretoscope.contract import Event
from paretoscope.contract.wire import Subject
from paretoscope.errors import ParetoscopeError, StoreDown

log = logging.getLogger(__name__)

MAX_WAITING = 256
"""Events kept while the store is away; then the oldest are dropped and counted."""
MAX_KINDS = 128
"""Different faults told one by one between two writes; further ones are counted only."""


@dataclass
class _Told:
    hint: str
    count: int = 0


class Tally:
    """Counters ``fault:<code>`` and ``bridge:<what>``; one fault event a flush per code and stream."""

    def __init__(self, store: FrameStore, utc: Callable[[], str]) -> None:
        self._store = store
        self._utc = utc
        self._counts: Counter[tuple[str, str | None]] = Counter()
        self._faults: dict[tuple[str, str | None], _Told] = {}
        self._events: deque[Event] = deque()
        self.total: Counter[str] = Counter()
        """Everything counted since the bridge started."""

    def count(self, name: str, by: int = 1, stream: str | None = None) -> None:
        """stream: whose sender did it, where that is told; beyond MAX_KINDS of them it is not told apart."""
        key = (name, stream)
        if key not in self._counts and len(self._counts) >= MAX_KINDS:
            key = (name, None)
        self._counts[key] += by
        self.total[name] += by

    def fault(self, error: ParetoscopeError, subject: Subject) -> None:
        self.count(f"fault:{error.code}", stream=subject.stream)
        key = (error.code, subject.stream)
        if key in self._faults or len(self._faults) < MAX_KINDS:
            told = self._faults.setdefault(key, _Told(error.hint))
            told.count += 1

    def event(self, event: Event) -> None:
        self._events.append(event)
        if len(self._events) > MAX_WAITING:
            self._events.popleft()
            self.count("bridge:events-dropped")

    def beat(self, address: str, contested: Iterable[str] = ()) -> None:
        """A sign of life of this bridge, where the store is there to take it."""
        try:
            self._write(self._store.beat_bridge, address, pid=os.getpid(), contested=contested)
        except StoreDown:
            log.debug("the store is away; no sign of life")

    def flush(self) -> bool:
        """Write what waits; False (and it keeps waiting) while the store is down.

        What the store refuses for another reason is logged and dropped, or it would block the rest for ever.
        """
        for (code, stream), told in self._faults.items():
            data = {"code": code, "hint": told.hint, "count": told.count, "where": "bridge"}
            self.event(Event(kind="fault", stream=stream, at=self._utc(), data=data))
        self._faults.clear()
        try:
            while self._events:
                self._write(self._store.append_event, self._events[0])
                self._events.popleft()
            for name, stream in list(self._counts):
                self._write(self._store.count, name, self._counts[name, stream], stream)
                del self._counts[name, stream]
        except StoreDown:
            return False
        return True

    @staticmethod
    def _write(put: Callable[..., object], *what: object, **more: object) -> None:
        try:
            put(*what, **more)
        except StoreDown:
            raise
        except Exception:
            log.exception("the store refused %s", what)

    @property
    def waiting(self) -> bool:
        return bool(self._events or self._counts or self._faults)
