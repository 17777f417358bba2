"""One reader of the event log for all listeners.

    store ──(one thread, blocking read)──> ring of the newest events ──> every event stream and long-poll

However many listeners wait, one thread and one store connection do. A listener that comes back with the id of
the last event it saw gets what it missed: from the ring, or from the store where that is further back.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from paretoscope.contract import Event
from paretoscope.errors import ParetoscopeError

log = logging.getLogger(__name__)

Entry = tuple[str, Event]

RING = 2048
BLOCK_S = 0.2
PAGE = 256
RETRY_S = 0.5


class EventSource(Protocol):
    def read_events(self, after_id: str, count: int, block_s: float) -> list[Entry]: ...
    def last_event_id(self) -> str: ...


def order(event_id: str) -> tuple[int, int]:
    """'1700000000000-3' -> (1700000000000, 3); ids grow in this order."""
    ms, _, number = event_id.partition("-")
    return int(ms), int(number or 0)


class EventTail:
    def __init__(self, source: EventSource, on_event: Callable[[Event], None] | None = None) -> None:
        """on_event: called in the reader's thread for each new event (metrics)."""
        self._source = source
        self._on_event = on_event
        self._ring: deque[Entry] = deque(maxlen=RING)
        self._taken = 0
        """How many events ever entered the ring: the position of the next one."""
        self._start_id = ""
        self._news = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()
        self.connected = False
        """Whether the last read of the log succeeded."""

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            self._start_id = await asyncio.to_thread(self._source.last_event_id)
            self.connected = True
        except ParetoscopeError as error:
            log.warning("the event log cannot be read yet: %s", error)
        self._thread = threading.Thread(target=self._read, name="event-tail", daemon=True)
        self._thread.start()

    @property
    def closing(self) -> bool:
        return self._closing.is_set()

    def close(self) -> None:
        """End every listener and the reader; safe from any thread, more than once."""
        self._closing.set()
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    async def stop(self) -> None:
        self.close()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    def position(self) -> int:
        """Where the newest event stands; take it before looking at the store, so that no news is missed."""
        return self._taken

    async def news(self, position: int, timeout_s: float, wanted: Callable[[Event], bool]) -> int | None:
        """Wait for a wanted event after `position`; its position, or None when time is up or we close."""
        try:
            async with asyncio.timeout(max(0.0, timeout_s)):
                while not self.closing:
                    news, first = self._news, self._taken - len(self._ring)
                    if position < first:  # the ring went round: something was missed, so look again
                        return self._taken
                    while position < self._taken:
                        event = self._ring[position - first][1]
                        position += 1
                        if wanted(event):
                            return position
                    await news.wait()
        except TimeoutError:
            return None
        return None

    async def follow(self, after_id: str | None) -> AsyncIterator[Entry]:
        """Every event after `after_id` (None: from now on), until we close; however slow the listener is."""
        position, behind = self._taken, after_id is not None
        after_id = after_id or (self._ring[-1][0] if self._ring else self._start_id) or "0"
        while not self.closing:
            if behind:  # further back than the ring reaches
                async for entry in self._backlog(after_id):
                    after_id = entry[0]
                    yield entry
                position, behind = self._place(after_id)
                continue
            news = self._news
            # The ring goes on while a listener takes its time over an entry.
            while (first := self._taken - len(self._ring)) <= position < self._taken:
                entry = self._ring[position - first]
                position += 1
                if order(entry[0]) > order(after_id):
                    after_id = entry[0]
                    yield entry
            behind = position < first
            if not behind and not self.closing:
                await news.wait()

    async def _backlog(self, after_id: str) -> AsyncIterator[Entry]:
        """What the store has after `after_id`, page by page, up to now."""
        while not self.closing:
            page = await asyncio.to_thread(self._source.read_events, after_id, PAGE, 0.0)
            for entry in page:
                after_id = entry[0]
                yield entry
            if len(page) < PAGE:
                return

    def _place(self, event_id: str) -> tuple[int, bool]:
        """The ring position that follows this event (it may not be there yet), and whether others may lie
        between it and what the ring still has."""
        seen = sum(1 for held, _ in self._ring if order(held) <= order(event_id))
        return self._taken - len(self._ring) + seen, seen == 0 and len(self._ring) == self._ring.maxlen

    def _read(self) -> None:
        after_id = self._start_id
        while not self._closing.is_set():
            try:
                if not after_id:
                    after_id = self._source.last_event_id()
                entries = self._source.read_events(after_id, PAGE, BLOCK_S)
            except ParetoscopeError as error:
                if self.connected:
                    log.warning("the event log cannot be read: %s", error)
                self.connected = False
                self._closing.wait(RETRY_S)
                continue
            self.connected = True
            if not entries:
                continue
            after_id = entries[-1][0]
            if self._on_event is not None:
                for _, event in entries:
                    self._on_event(event)
            if self._loop is None or self._loop.is_closed():
                return
            self._loop.call_soon_threadsafe(self._take, entries)

    def _take(self, entries: list[Entry]) -> None:
        self._ring.extend(entries)
        self._taken += len(entries)
        self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()
