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


FINISH_BASE_S = 0.05
"""What comes after the search and does not grow with the number of atoms."""
CLASSES_S_PER_ATOM = 6.0e-5
"""Patches, principal components and mixture, per atom, on one core."""
SLACK = 0.1
"""Share of the time left that nobody is promised: other processes want the cores too."""
REFINE_S_PER_ATOM = 2.0e-6
"""The parabola, per atom; a Gaussian fit only gets what is left over."""
WINDOW_SHARE = 0.35
"""Of the time left for tuning, what the sliding windows get."""


@dataclass(frozen=True)
class Budget:
    """The tuning time split so that positions and classes still fit before the deadline."""

    frame: Deadline
    windows: Deadline
    refine: Deadline

    @classmethod
    def of(cls, deadline: Deadline, n_expected: float, with_classes: bool) -> Budget:
        """Split what is left before `deadline`; every part is at least a token 10 ms long."""
        left = deadline.remaining_s()
        if left == float("inf"):
            return cls(deadline, deadline, deadline)
        classes = CLASSES_S_PER_ATOM * n_expected if with_classes else 0.0
        tuning = max(0.01, (1.0 - SLACK) * left - FINISH_BASE_S - classes - REFINE_S_PER_ATOM * n_expected)
        return cls(
            frame=deadline.sooner(tuning * (1.0 - WINDOW_SHARE)),
            windows=deadline.sooner(tuning),
            refine=deadline.sooner((1.0 - SLACK) * left - classes - FINISH_BASE_S),
        )
