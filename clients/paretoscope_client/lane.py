"""Rows on their way ahead of the frame they belong to; knows no socket, thread or clock.

    outbox    frame 6 ──────────────────────> rows-end 7 ──────────────> rows-end 8
    lane                begin 7  rows  rows               begin 8  rows

Rows go between the letters of the outbox, in the order of their frames. Nothing here is ever sent twice: what
goes wrong with the rows of a frame, the frame is sent whole, and the count says why.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass

from paretoscope.contract import RowBlock, RowsBegin
from paretoscope.contract.wire import Buffer, encode

Key = tuple[str, int]
"""Epoch and sequence of a frame."""

ROWS_SINCE = 1
"""Minor version of the protocol that brought rows."""


@dataclass(frozen=True)
class Slip:
    """One message about rows."""

    document: RowsBegin | RowBlock
    pixels: memoryview | None = None
    """A view of the frame's own memory; its rows do not change any more."""

    @property
    def key(self) -> Key:
        return self.document.epoch, self.document.sequence

    @property
    def parts(self) -> list[Buffer]:
        return [encode(self.document), *([] if self.pixels is None else [self.pixels])]


class RowLane:
    def __init__(self, counts: Counter[str]) -> None:
        self.spoken: int | None = None
        """Minor version that the bridge at the other end speaks; None until it has answered anything."""
        self._counts = counts
        self._waiting: deque[Slip] = deque()
        self._begun: dict[Key, bool] = {}
        """Frames whose rows can still all arrive -> whether any of it is on its way."""

    def put(self, slip: Slip) -> None:
        if isinstance(slip.document, RowsBegin):
            self._begun[slip.key] = False
        if slip.key in self._begun:
            self._waiting.append(slip)

    def next(self, unended: Key | None = None) -> Slip | None:
        """What to send now. unended: a frame whose end goes before any rows of later frames."""
        while self._waiting and self.spoken is not None:
            slip = self._waiting[0]
            if self.spoken < ROWS_SINCE:
                self.fail(slip.key, "older-bridge")
            elif unended is not None and slip.key != unended:
                return None
            else:
                return slip
        return None

    def sent(self, slip: Slip) -> None:
        """`slip`, as ``next`` gave it, is on its way."""
        self._waiting.remove(slip)
        self._begun[slip.key] = True
        self._counts["rows-sent"] += 1

    def carries(self, key: Key) -> bool:
        """Whether all rows of this frame have been sent or still will be."""
        return key in self._begun and self.spoken is not None

    def waits(self, key: Key) -> bool:
        return any(slip.key == key for slip in self._waiting)

    def fail(self, key: Key, reason: str) -> None:
        """This frame goes whole, whatever was sent of its rows."""
        if self.forget(key):
            self._counts[f"fell-back:{reason}"] += 1

    def forget(self, key: Key) -> bool:
        """Nothing more to do for this frame; False when it was unknown."""
        self._waiting = deque(slip for slip in self._waiting if slip.key != key)
        return self._begun.pop(key, None) is not None

    def lost_connection(self) -> None:
        """Whoever answers next may know nothing of the rows that were sent."""
        self.spoken = None
        for key in [key for key, begun in self._begun.items() if begun]:
            self.fail(key, "lost-connection")

    @property
    def curious(self) -> bool:
        """Rows wait for the bridge to say what it speaks."""
        return self.spoken is None and bool(self._waiting)
