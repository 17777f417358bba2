"""One reader for all listeners, however slow one of them is."""

from __future__ import annotations

import asyncio
import bisect
import threading

import pytest

from paretoscope.api import tail
from paretoscope.api.tail import Entry, EventTail, order
from paretoscope.contract import Event


class Log:
    """An event log in memory, with ids as the store gives them."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._grown = threading.Condition()

    def write(self, count: int) -> None:
        with self._grown:
            held = len(self._entries)
            event = Event(kind="frame", stream="stem", at="2026-11-21T09:30:00Z")
            self._entries += [(f"1700000000000-{held + k + 1}", event) for k in range(count)]
            self._grown.notify_all()

    def read_events(self, after_id: str, count: int, block_s: float) -> list[Entry]:
        with self._grown:
            ids = [order(one) for one, _ in self._entries]
            if not ids or ids[-1] <= order(after_id):
                self._grown.wait(block_s)
                ids = [order(one) for one, _ in self._entries]
            first = bisect.bisect_right(ids, order(after_id))
            return self._entries[first : first + count]

    def last_event_id(self) -> str:
        return self._entries[-1][0] if self._entries else "0"


@pytest.mark.parametrize("after", [None, "0"])
def test_a_listener_that_is_slower_than_the_ring_gets_every_event_once_and_in_order(
    monkeypatch: pytest.MonkeyPatch, after: str | None
):
    monkeypatch.setattr(tail, "RING", 16)
    log = Log()

    async def listened() -> list[str]:
        reader = EventTail(log)
        await reader.start()
        heard = []
        events = reader.follow(after)
        waiting = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.05)
        log.write(1)
        heard.append((await waiting)[0])
        for _ in range(10):
            log.write(50)  # three times round the ring while the listener is busy with one
            await asyncio.sleep(0.02)
            heard += [(await anext(events))[0] for _ in range(7)]
        while len(heard) < 501:
            heard.append((await anext(events))[0])
        await events.aclose()
        await reader.stop()
        return heard

    heard = asyncio.run(asyncio.wait_for(listened(), 30))
    assert heard == [f"1700000000000-{k + 1}" for k in range(501)]
