"""How often one caller may ask: a token bucket each, in bounded memory.

    tokens
    burst │╲  ╱╲        a request takes one, they come back at `per_s`; with none left it is refused
        0 └──╲╱──── t

Own code, because the libraries at hand keep a counter for every address that ever asked within the window;
here the caller not heard of for longest is forgotten, and starts again with a full bucket.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST_CALLERS = 1024


class Pace:
    def __init__(
        self,
        per_s: float,
        burst: float,
        *,
        most: int = MOST_CALLERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """per_s, burst: requests per second in the long run, and at once."""
        self._per_s = per_s
        self._burst = burst
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Caller -> (tokens, when they were counted)."""

    def __len__(self) -> int:
        return len(self._buckets)

    def left(self, caller: str) -> float:
        """Tokens in the caller's bucket now."""
        now_s = self._clock()
        tokens, at_s = self._buckets.get(caller, (self._burst, now_s))
        return min(self._burst, tokens + (now_s - at_s) * self._per_s)

    def take(self, caller: str) -> float:
        """0.0 when the request may go on, else how long to wait, s."""
        tokens = self.left(caller)
        wait_s = 0.0 if tokens >= 1.0 else (1.0 - tokens) / self._per_s
        self._buckets[caller] = (tokens - 1.0 if tokens >= 1.0 else tokens, self._clock())
        self._buckets.move_to_end(caller)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return wait_s
