"""Following a stream of results through quiet times and lost connections, as decisions without a socket."""

from __future__ import annotations

from dataclasses import dataclass

from paretoscope.contract.views import FrameView
from paretoscope.errors import NotFound, ParetoscopeError
from paretoscope_client import rest_calls as calls

NOTHING_YET_S = 0.05


@dataclass
class Patience:
    """0.25, 0.5, 1, 2, 4, 5, 5, ... seconds between attempts; `well` starts it again."""

    first_s: float = 0.25
    longest_s: float = 5.0
    _next_s: float = 0.0

    def pause_s(self) -> float:
        self._next_s = min(self.longest_s, self._next_s * 2 or self.first_s)
        return self._next_s

    def well(self) -> None:
        self._next_s = 0.0


class Follower:
    """Asks for the newest result again and again and says which answers are news."""

    def __init__(self, stream: str, after: str | None, include_current: bool, wait_s: float) -> None:
        self._stream = stream
        self._after = after
        self._wait_s = wait_s
        # What was there before the loop began is old: the first answer only tells where "new" begins.
        self._begun = include_current or after is not None
        self._patience = Patience()

    def call(self) -> calls.Call[FrameView | None]:
        return calls.latest(self._stream, self._after, self._wait_s if self._begun else 0.0)

    def took(self, frame: FrameView | None) -> FrameView | None:
        """The frame, if it is news."""
        self._patience.well()
        news = frame if self._begun else None
        self._begun = True
        if frame is not None:
            self._after = frame.frame_id
        return news

    def failed(self, error: ParetoscopeError) -> float:
        """How long to pause before the next call, s; raises what will not get better by itself."""
        if isinstance(
            error, NotFound
        ):  # no such stream yet, or none of its frames is done: what comes is new
            self._begun = True
            return NOTHING_YET_S
        if not error.retry:
            raise error
        return self._patience.pause_s()
