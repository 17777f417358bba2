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
USUAL_S_PER_ATOM = {"segment": 4.0e-5, "refine": 2.0e-5}
"""Patches, principal components and mixture; a Gaussian fit. Per atom, on one core of a small server."""
SLACK = 0.1
"""Share of the time left that nobody is promised: other processes want the cores too."""
WINDOW_SHARE = 0.35
"""Of the time left for tuning, what the sliding windows get."""


@dataclass
class Pace:
    """How long the stages after the search took lately on this machine, so that the search ends in time.

    The slowest frame counts, and is forgotten by half from frame to frame.
    """

    per_atom_s: dict[str, float] = field(default_factory=lambda: dict(USUAL_S_PER_ATOM))

    def note(self, stage: str, seconds: float, atoms: int) -> None:
        now = seconds / max(atoms, 1)
        usual = USUAL_S_PER_ATOM[stage]
        self.per_atom_s[stage] = max(now, usual + (self.per_atom_s[stage] - usual) / 2)

    def expected_s(self, stage: str, atoms: float) -> float:
        return self.per_atom_s[stage] * atoms


@dataclass(frozen=True)
class Budget:
    """The tuning time split so that positions and classes still fit before the deadline."""

    frame: Deadline
    windows: Deadline
    refine: Deadline

    @classmethod
    def of(cls, deadline: Deadline, n_expected: float, with_classes: bool, pace: Pace) -> Budget:
        """Split what is left before `deadline`; the search gets at least a token 10 ms.

        A Gaussian fit has no claim of its own: it gets what the search leaves over.
        """
        left = deadline.remaining_s()
        if left == float("inf"):
            return cls(deadline, deadline, deadline)
        classes = pace.expected_s("segment", n_expected) if with_classes else 0.0
        kept = SLACK * max(left, 0.0) + FINISH_BASE_S + classes
        tuning = max(0.01, left - kept)
        return cls(
            frame=deadline.sooner(tuning * (1.0 - WINDOW_SHARE)),
            windows=deadline.sooner(tuning),
            refine=deadline.sooner(left - kept),
        )
