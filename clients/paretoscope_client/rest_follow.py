"""Following a stream of results through quiet times and lost connections, as decisions without a socket."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from paretoscope.errors import BadParameters, Busy, NotFound, ParetoscopeError
from paretoscope_client import rest_calls as calls
from paretoscope_client.rest_result import Result

log = logging.getLogger(__name__)

NOTHING_YET_S = 0.05

Unfit = Literal["raise", "skip", "pass"]


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


@dataclass
class Admission:
    """Which results a loop gets to see."""

    allow: Collection[str] = ()
    """Reasons of the guard that do not count."""
    unfit: Unfit = "raise"
    """What becomes of a result that is not fit for control: raised as UnfitResult, left out, or given."""
    max_age_s: float | None = None

    def __post_init__(self) -> None:
        if self.unfit not in ("raise", "skip", "pass"):
            raise BadParameters("bad-unfit", hint=f"unfit is 'raise', 'skip' or 'pass'; not {self.unfit!r}.")

    def admits(self, result: Result) -> bool:
        """Raises UnfitResult where that is wanted."""
        if self.unfit == "raise":
            result.require_fit(allow=self.allow, max_age_s=self.max_age_s)
        elif self.unfit == "skip":
            reasons = result.unfit(allow=self.allow, max_age_s=self.max_age_s)
            if reasons:
                log.warning("%s skipped: not fit for control: %s", result.frame_id, ", ".join(reasons))
                return False
        return True


@dataclass
class Follower:
    """Asks for the newest result again and again and says which answers are news."""

    stream: str
    after: str | None = None
    """The id of the last result seen: where to resume."""
    include_current: bool = False
    wait_s: float = 20.0
    timeout_s: float | None = None
    """The longest quiet time, s; None: wait for ever."""
    admission: Admission = field(default_factory=Admission)
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        # What was there before the loop began is old: the first answer only tells where "new" begins.
        self._begun = self.include_current or self.after is not None
        self._patience = Patience()
        self._heard_s: float | None = None

    def call(self) -> calls.Call[Result | None]:
        now = self.clock()
        if self._heard_s is None:
            self._heard_s = now
        wait_s = self.wait_s if self._begun else 0.0
        if self.timeout_s is not None:
            left = self._heard_s + self.timeout_s - now
            if left <= 0:
                self._heard_s = None
                raise Busy(
                    "no-new-result",
                    hint=f"Stream {self.stream} has given no new result for {self.timeout_s:g} s: is the "
                    "instrument scanning, and is a worker ready (/readyz)?",
                )
            wait_s = min(wait_s, left)
        return calls.latest(self.stream, self.after, wait_s)

    def took(self, result: Result | None) -> Result | None:
        """The result, if it is news and may be seen. Raises UnfitResult; the next call goes on behind it."""
        self._patience.well()
        news = result if self._begun else None
        self._begun = True
        if result is not None:
            self.after = result.frame_id
        if news is None:
            return None
        self._heard_s = None
        return news if self.admission.admits(news) else None

    def failed(self, error: ParetoscopeError) -> float:
        """How long to pause before the next call, s; raises what will not get better by itself."""
        if isinstance(error, NotFound):
            # no such stream yet, or none of its frames is done: what comes is new
            self._begun = True
            return NOTHING_YET_S
        if not error.retry:
            raise error
        return self._patience.pause_s()
