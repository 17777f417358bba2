"""Frames between the instrument and the bridge's acknowledgement; knows no socket, thread or clock.

    queued ──next──> in flight ──ack──────────────────────> settled
      ^                  ├──fault that will not pass──────> settled (refused)
      └── back, in order ┴──busy, time-out, lost connection, fault worth a retry
      └──full: one is dropped, counted by reason──────────> settled (dropped)

At most `window` letters are in flight, so that what comes back keeps its order. A frame whose rows went
ahead of it (see ``lane``) needs a header alone; whatever stands against that, it goes whole.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from paretoscope.contract import (
    Ack,
    BusyNotice,
    Fault,
    FrameHeader,
    Heartbeat,
    RowsEnd,
    RowsHeld,
    StreamEnd,
)
from paretoscope.contract.wire import OF_ROWS, Reply, encode, encode_frame
from paretoscope.errors import BadFrame, Busy, Incompatible, ParetoscopeError
from paretoscope_client.lane import RowLane, Slip
from paretoscope_client.pixels import with_checksum
from paretoscope_client.receipt import Receipt

WhenFull = Literal["drop-oldest", "drop-newest", "wait"]

BACK_OFF_S, MAX_BACK_OFF_S = 0.1, 5.0
SLOWEST_BYTES_PER_S = 5e6
"""A frame's time-out grows by its size over this."""
MAX_ENDS = 16
PAUSED, TAKEN = "paused", "stream-taken"
"""Codes of the bridge's notice while the operator has paused the stream; while another sender holds it."""
MAX_REFUSALS = 3
"""How often a frame is tried again after a fault that says a retry may help."""


@dataclass
class Letter:
    """One frame or one end on its way."""

    receipt: Receipt
    document: FrameHeader | StreamEnd
    pixels: bytes | memoryview = b""
    by_rows: bool = False
    """Its rows are on their way, and its document has their checksum."""
    attempts: int = 0
    refusals: int = 0
    expires_s: float = 0.0

    @property
    def parts(self) -> list:
        return [encode(RowsEnd(**self.document.model_dump()))] if self.by_rows else self.whole

    @cached_property
    def whole(self) -> list:
        if isinstance(self.document, FrameHeader):
            return encode_frame(with_checksum(self.document, self.pixels), self.pixels)
        return [encode(self.document)]

    @property
    def key(self) -> tuple[str, int]:
        return self.receipt.epoch, self.receipt.sequence


@dataclass
class Outbox:
    capacity: int = 8
    """Letters that may wait, beside those in flight."""
    capacity_bytes: int = 512 * 1024 * 1024
    window: int = 1
    ack_timeout_s: float = 2.0
    counts: Counter[str] = field(default_factory=Counter)
    """sent, resent, acknowledged, duplicate, missing, busy, timed-out, lost-connection, refused:<code>,
    dropped:<reason>, stray; of rows: rows-sent, by-rows, fell-back:<reason>."""

    def __post_init__(self) -> None:
        self._queue: deque[Letter] = deque()
        self._flight: OrderedDict[tuple[str, int], Letter] = OrderedDict()
        self._not_before_s = float("-inf")
        self._setbacks = 0
        self.lane = RowLane(self.counts)
        self.held_up: str | None = None
        """Why the bridge took no frame when it last answered: 'paused', 'stream-taken', 'store-down', ..."""

    def __len__(self) -> int:
        return len(self._queue) + len(self._flight)

    @property
    def in_flight(self) -> int:
        return len(self._flight)

    def is_full(self, nbytes: int) -> bool:
        held = sum(len(letter.pixels) for letter in self._queue)
        return len(self._queue) >= self.capacity or (held > 0 and held + nbytes > self.capacity_bytes)

    def put(self, letter: Letter, when_full: WhenFull = "drop-oldest") -> None:
        """Queue it; where there is no room, a frame is dropped. Ends are small and have room of their own."""
        if len(self._queue) >= self.capacity + MAX_ENDS:
            self.drop(letter, "queue-full")
            return
        while self.is_full(len(letter.pixels)) and isinstance(letter.document, FrameHeader):
            oldest = next((one for one in self._queue if isinstance(one.document, FrameHeader)), None)
            if when_full != "drop-oldest" or oldest is None:
                self.drop(letter, "queue-full")
                return
            self._queue.remove(oldest)
            self.drop(oldest, "oldest")
        self._queue.append(letter)

    def next(self, now_s: float) -> Letter | None:
        """The letter to send now, if any."""
        if now_s < self._not_before_s or len(self._flight) >= self.window:
            return None
        if not self._queue:
            return None
        letter = self._queue[0]
        if letter.by_rows and not self.lane.carries(letter.key):
            letter.by_rows = False
            self.lane.fail(letter.key, "bridge-unknown")
        return None if letter.by_rows and self.lane.waits(letter.key) else letter

    def next_rows(self) -> Slip | None:
        """The message about rows to send now, if any: rows come before the end of their frame, and after the
        ends of the frames before it."""
        return self.lane.next(next((letter.key for letter in self._queue if letter.by_rows), None))

    def sent(self, letter: Letter, now_s: float) -> None:
        """`letter`, as ``next`` gave it, is on its way."""
        self._queue.remove(letter)
        patience_s = self.ack_timeout_s * 2 ** min(letter.attempts, 4)
        letter.expires_s = now_s + patience_s + len(letter.pixels) / SLOWEST_BYTES_PER_S
        self.counts["resent" if letter.attempts else "sent"] += 1
        letter.attempts += 1
        self._flight[letter.key] = letter

    def on_reply(self, reply: Reply, now_s: float) -> None:
        if isinstance(reply, Heartbeat | RowsHeld):
            return
        if isinstance(reply, Fault) and (reply.about in OF_ROWS or reply.code == "unknown-type"):
            self._on_rows_refused(reply)
            return
        letter = self._addressee(reply)
        if letter is None:
            self.counts["stray"] += 1
        elif isinstance(reply, Ack):
            self._setbacks = 0
            self.held_up = None
            self.counts["acknowledged"] += 1
            self.counts["duplicate"] += reply.duplicate
            self.counts["missing"] += reply.gap if isinstance(letter.document, FrameHeader) else 0
            self.counts["by-rows"] += letter.by_rows
            self._settle(letter, reply)
        elif isinstance(reply, BusyNotice):
            self.counts["busy"] += 1
            self.held_up = reply.code
            if reply.code in (PAUSED, TAKEN):
                self._setbacks = 0  # no trouble that grows: asked again at the bridge's own pace
            self._hold_back(now_s, reply.retry_after_s, reply.code)
        else:
            self._on_fault(letter, reply, now_s)

    def expired(self, now_s: float) -> bool:
        """True when an acknowledgement is overdue; everything in flight is queued again."""
        if all(now_s < letter.expires_s for letter in self._flight.values()):
            return False
        self.counts["timed-out"] += 1
        self._recall("timed-out")
        self.lane.lost_connection()
        return True

    def lost_connection(self) -> None:
        if self._flight:
            self.counts["lost-connection"] += 1
            self._recall("lost-connection")
        self.lane.lost_connection()

    def wake_s(self, now_s: float) -> float:
        """When something will be due without anything happening, s; infinite where nothing will."""
        times = [letter.expires_s for letter in self._flight.values()]
        if self._queue and len(self._flight) < self.window:
            times.append(max(now_s, self._not_before_s))
        return min(times, default=float("inf"))

    def abandon(self, reason: str) -> None:
        """Drop whatever is left."""
        self._recall(reason)
        while self._queue:
            self.drop(self._queue.popleft(), reason)

    def drop(self, letter: Letter, reason: str) -> None:
        self.counts[f"dropped:{reason}"] += 1
        self.lane.forget(letter.key)
        letter.receipt.settle(
            Busy(
                f"dropped-{reason}",
                hint=f"Frame {letter.receipt.frame_id} was dropped before it was acknowledged ({reason}). "
                "Is the bridge running, and fast enough?",
                retry=False,
            )
        )

    def _addressee(self, reply: Ack | Fault | BusyNotice) -> Letter | None:
        if reply.epoch is not None and reply.sequence is not None:
            return self._flight.get((reply.epoch, reply.sequence))
        # A header that could not be read is answered without its number: with one in flight it is that one.
        return next(iter(self._flight.values())) if len(self._flight) == 1 else None

    def _on_rows_refused(self, fault: Fault) -> None:
        """The bridge has forgotten the frame: the end of its rows, if sent, is or will be refused as well."""
        key = (fault.epoch or "", fault.sequence if fault.sequence is not None else -1)
        self.lane.fail(key, fault.code)
        letter = self._flight.get(key)
        if letter is not None and letter.by_rows:
            self._recall(fault.code)

    def _on_fault(self, letter: Letter, fault: Fault, now_s: float) -> None:
        self.counts[f"refused:{fault.code}"] += 1
        letter.refusals += 1
        if fault.retry and letter.refusals < MAX_REFUSALS:
            self._hold_back(now_s, BACK_OFF_S, fault.code)
        else:
            self._settle(letter, error_of(fault))

    def _hold_back(self, now_s: float, at_least_s: float, reason: str) -> None:
        self._setbacks += 1
        pause_s = max(at_least_s, BACK_OFF_S * 2 ** min(self._setbacks - 1, 10))
        self._not_before_s = now_s + min(pause_s, max(MAX_BACK_OFF_S, at_least_s))
        self._recall(reason)

    def _recall(self, reason: str) -> None:
        for letter in self._flight.values():
            letter.by_rows = False
            self.lane.fail(letter.key, reason)
        self._queue.extendleft(reversed(self._flight.values()))
        self._flight.clear()

    def _settle(self, letter: Letter, outcome: Ack | ParetoscopeError) -> None:
        del self._flight[letter.key]
        self.lane.forget(letter.key)
        letter.receipt.settle(outcome)


def error_of(fault: Fault) -> ParetoscopeError:
    """A fault from the bridge as an error of the tree."""
    kind = Incompatible if fault.code == Incompatible.default_code else BadFrame
    return kind(fault.code, hint=fault.hint, retry=fault.retry)
