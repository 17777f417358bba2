"""Where a frame's time goes, and how much of what is left each stage may take."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from paretoscope.contract import StageTime
from paretoscope.deadline import Deadline


@dataclass
class StageClock:
    """Times stages with the caller's clock; `timed` in order of their end."""

    clock: Callable[[], float]
    timed: list[StageTime] = field(default_factory=list)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        start = self.clock()
        try:
            yield
        finally:
            self.timed.append(StageTime(name=name, ms=max(0.0, (self.clock() - start) * 1e3)))

    @property
    def last(self) -> StageTime:
        return self.timed[-1]


FINISH_BASE_S = 0.08
"""Publishing and everything that does not grow with the number of atoms."""
FINISH_PER_ATOM_S = 2.0e-4
"""Refinement, patches and mixture, per atom, on one core."""
WINDOW_SHARE = 0.35
"""Of the time left for tuning, what the sliding windows get."""


@dataclass(frozen=True)
class Budget:
    """The tuning time split so that refinement and classes still fit before the deadline."""

    frame: Deadline
    windows: Deadline
    finish: Deadline

    @classmethod
    def of(cls, deadline: Deadline, n_expected: float, with_windows: bool, with_classes: bool) -> Budget:
        """Split what is left before `deadline`; every part is at least a token 10 ms long."""
        reserve = FINISH_BASE_S + FINISH_PER_ATOM_S * n_expected * (1.0 if with_classes else 0.5)
        tuning = max(0.01, deadline.remaining_s() - reserve)
        if tuning == float("inf"):
            return cls(deadline, deadline, deadline)
        windows = tuning * WINDOW_SHARE if with_windows else 0.0
        return cls(
            frame=deadline.sooner(tuning - windows),
            windows=deadline.sooner(tuning),
            finish=deadline,
        )
