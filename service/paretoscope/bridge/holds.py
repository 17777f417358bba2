"""Whose a stream is, so that two instruments under one name never mix; sans-IO.

    a message of the stream comes               held by another lately?    answer
    over the connection that holds it           -                          goes on, also with a new epoch
    with the epoch that holds it                -                          goes on: it has connected again
    with another epoch, over another            yes                        busy, 'stream-taken'
                                                no                         goes on, and holds it now

A stream is let go by its `end`, when its holder's connection closes, and after `HELD_S` of silence. So a
program that is started again goes on at once where the old one is seen to end, and soon where it is not.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from paretoscope.errors import Busy

HELD_S = 6.0
"""How long a silent sender keeps its stream; senders that are busy or idle are heard more often."""
CONTESTED_S = 10.0
"""For how long it is told that a stream is wanted by two."""
MAX_STREAMS = 256
"""Streams remembered; the one unheard of longest is forgotten first."""
NOBODY = -1


@dataclass
class _Hold:
    epoch: str
    peer: int
    heard_s: float
    refused_s: float = float("-inf")
    """When another was last told to wait."""


class Holds:
    """Peers are numbers, one for each open connection; they may come again once it is closed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._begun_s = clock()
        self._holds: OrderedDict[str, _Hold] = OrderedDict()

    def __len__(self) -> int:
        return len(self._holds)

    def recall(self, stream: str, epoch: str) -> None:
        """The stream's last frame before this run of the bridge was of that epoch: its sender may be about to
        connect again, and goes first."""
        if stream not in self._holds:
            self._holds[stream] = _Hold(epoch, NOBODY, self._begun_s)

    def claim(self, stream: str, epoch: str, peer: int) -> bool:
        """A message of the stream came. False where it comes from a second sender, which must wait."""
        now_s = self._clock()
        hold = self._holds.get(stream)
        if hold is None:
            hold = self._holds[stream] = _Hold(epoch, peer, now_s)
        elif hold.epoch != epoch and hold.peer != peer and now_s - hold.heard_s < HELD_S:
            hold.refused_s = now_s
            return False
        hold.epoch, hold.peer, hold.heard_s = epoch, peer, now_s
        self._holds.move_to_end(stream)
        while len(self._holds) > MAX_STREAMS:
            self._holds.popitem(last=False)
        return True

    def heard(self, peer: int) -> None:
        """A sign of life of whoever is at the other end."""
        for hold in self._holds.values():
            if hold.peer == peer:
                hold.heard_s = self._clock()

    def let_go(self, stream: str, epoch: str) -> None:
        """This epoch is over."""
        hold = self._holds.get(stream)
        if hold is not None and hold.epoch == epoch:
            hold.heard_s = float("-inf")

    def gone(self, peer: int) -> None:
        """That connection is closed."""
        for hold in self._holds.values():
            if hold.peer == peer:
                hold.peer, hold.heard_s = NOBODY, float("-inf")

    def is_contested(self, stream: str) -> bool:
        hold = self._holds.get(stream)
        return hold is not None and self._clock() - hold.refused_s < CONTESTED_S

    def contested(self) -> list[str]:
        """Streams that a second sender waited for lately."""
        return sorted(stream for stream in self._holds if self.is_contested(stream))


def taken(stream: str) -> Busy:
    return Busy(
        "stream-taken",
        hint=f"Another program sends as stream {stream} now. Give this one a stream of its own, or stop the "
        f"other: the stream is free as soon as that disconnects, or after {HELD_S:.0f} s of silence.",
    )
