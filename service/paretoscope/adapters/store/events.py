"""The service's event log and its counters."""

from __future__ import annotations

import re
from typing import Any, cast

from paretoscope.adapters.store import keys, scripts
from paretoscope.adapters.store.link import LONGEST_BLOCK_S, Link, translated
from paretoscope.contract import Event
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import BadParameters

EVENT_ID = re.compile(r"[0-9]{1,19}(-[0-9]{1,19})?")


class Events(Link):
    """An ordered log that listeners read from where they stopped; bounded by ``limits.events``."""

    @translated
    def append_event(self, event: Event) -> str:
        """Add one; returns its id, by which a listener resumes."""
        added = self._even_full("XADD", keys.EVENTS, "MAXLEN", "~", self.limits.events, "*", "e", pack(event))
        return cast(bytes, added).decode()

    @translated
    def read_events(
        self, after_id: str | None = None, count: int = 100, block_s: float = 0.0
    ) -> list[tuple[str, Event]]:
        """Events after `after_id`, oldest first; waits up to `block_s` for the first of them.

        after_id: an id that this method gave; "0" = from the oldest that is kept; None = only what comes from
        now on (then block_s must be given, or nothing can come). Raises BadParameters for what is no id.
        """
        if after_id is not None and not EVENT_ID.fullmatch(after_id):
            raise BadParameters(
                "bad-event-id", hint=f"{after_id!r:.60} is no event id: use one from the log."
            )
        block_ms = min(int(block_s * 1000), int(LONGEST_BLOCK_S * 1000))
        answer = self._blocking.xread({keys.EVENTS: after_id or "$"}, count=count, block=block_ms or None)
        found: list[tuple[str, Event]] = []
        for _, entries in cast(list[Any], answer or []):
            found += [(entry.decode(), unpack(fields[b"e"], Event)) for entry, fields in entries]
        return found

    @translated
    def last_event_id(self) -> str:
        """Id of the newest event, "0" when there is none: where a listener that wants only news begins."""
        newest = cast(list[Any], self._redis.xrevrange(keys.EVENTS, count=1))
        return newest[0][0].decode() if newest else "0"

    def _event(
        self, kind: str, stream: str | None, frame_id: str | None = None, data: dict[str, Any] | None = None
    ) -> bytes:
        event = Event(
            kind=cast(Any, kind), stream=stream, frame_id=frame_id, at=self._now_text(), data=data or {}
        )
        return pack(event)

    @translated
    def count(self, name: str, by: int = 1, stream: str | None = None) -> int:
        """Add to a counter (``fault:bad-frame``, ``frames:received``, ...); returns its new value.

        stream: count it in this stream's tally too, where it is a stream that ever had a frame.
        """
        return int(self._run(scripts.COUNT, [], [name, by, stream or ""]))

    @translated
    def counters(self) -> dict[str, int]:
        held = cast(dict[bytes, bytes], self._redis.hgetall(keys.COUNTERS))
        return {name.decode(): int(value) for name, value in sorted(held.items())}
