"""Time, passed in: the only clock that numerics ever see."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

Clock = Callable[[], float]
"""Seconds from an arbitrary origin, never going backwards."""


@dataclass(frozen=True)
class Deadline:
    """A moment that work must not pass.

    ``Deadline.after(0.6)`` is 0.6 s from now; ``Deadline.never()`` has infinite time left.
    """

    at_s: float
    clock: Clock = field(default=time.monotonic, repr=False, compare=False)
    give_way: Callable[[float], object] | None = field(default=None, repr=False, compare=False)
    """Called with the seconds left each time somebody asks for them. Long work looks at its deadline between
    steps, so this is where it can wait for something more urgent (`Gate`)."""

    @classmethod
    def after(cls, seconds: float, clock: Clock = time.monotonic) -> Deadline:
        return cls(clock() + seconds, clock)

    @classmethod
    def never(cls, clock: Clock = time.monotonic) -> Deadline:
        return cls(math.inf, clock)

    def now_s(self) -> float:
        return self.clock()

    def remaining_s(self) -> float:
        """Seconds left; negative once it has passed."""
        left_s = self.at_s - self.clock()
        if self.give_way is None:
            return left_s
        self.give_way(left_s)
        return self.at_s - self.clock()

    def passed(self) -> bool:
        return self.remaining_s() <= 0.0

    def sooner(self, seconds: float) -> Deadline:
        """This deadline or `seconds` from now, whichever comes first."""
        return replace(self, at_s=min(self.at_s, self.clock() + seconds))
