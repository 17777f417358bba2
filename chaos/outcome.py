"""What a trial is asked for and what it tells: figures, each beside its goal."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

RECORDS = Path(__file__).parent / "records"

Say = Callable[[str], None]
"""Takes a line about how far the trial is."""


@dataclass(frozen=True)
class Size:
    """How much of the whole trial to run: 1 = all of it, 0 = as little as still tests something."""

    share: float = 1.0

    def times(self, whole: int, at_least: int) -> int:
        """A number of kills, messages, cases: the share of `whole`, but never under `at_least`."""
        return max(at_least, round(whole * self.share))

    def seconds(self, whole_s: float, at_least_s: float) -> float:
        return max(at_least_s, whole_s * self.share)


@dataclass(frozen=True)
class Figure:
    """One measured thing."""

    name: str
    value: float | int | str
    unit: str = ""
    goal: str = ""
    """In words, as '0' or 'under 2 s'; empty for a figure that is only told."""
    met: bool | None = None
    """Whether the goal is reached; None without one."""

    @property
    def text(self) -> str:
        value = self.value
        if isinstance(value, float):
            value = f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
        elif isinstance(value, int):
            value = f"{value:,}"
        return f"{value} {self.unit}".strip()


def exactly(name: str, value: int, goal: int = 0, unit: str = "") -> Figure:
    return Figure(name, value, unit, f"{goal:,}", value == goal)


def at_least(name: str, value: float, goal: float, unit: str = "") -> Figure:
    """The goal holds for the whole size only; a smaller run tells its number without a goal (pass goal=0)."""
    return Figure(name, value, unit, f"at least {goal:,}", value >= goal) if goal else told(name, value, unit)


def under(name: str, value: float, goal: float, unit: str = "") -> Figure:
    return Figure(name, value, unit, f"under {goal:g} {unit}".strip(), bool(value < goal))


def told(name: str, value: float | int | str, unit: str = "") -> Figure:
    return Figure(name, value, unit)


def percentiles(name: str, times_s: Sequence[float], goal_max_s: float | None = None) -> list[Figure]:
    """p50, p99 and the longest of some times, s; the longest against the goal."""
    p50, p99, longest = np.percentile(times_s, [50, 99, 100]) if len(times_s) else [float("nan")] * 3
    last = told(f"{name}, longest", float(longest), "s")
    if goal_max_s is not None:
        last = under(f"{name}, longest", float(longest), goal_max_s, "s")
    return [told(f"{name}, p50", float(p50), "s"), told(f"{name}, p99", float(p99), "s"), last]


@dataclass
class Outcome:
    trial: str
    what: str
    """In one line: what was done to the service, how often."""
    figures: list[Figure]
    series: dict[str, list[float]] = field(default_factory=dict)
    """Values over time, where there is something to look at."""

    @property
    def met(self) -> bool:
        return all(figure.met is not False for figure in self.figures)

    @property
    def missed(self) -> list[str]:
        return [f"{one.name}: {one.text}, goal {one.goal}" for one in self.figures if one.met is False]

    def lines(self) -> list[str]:
        rows = [f"{self.trial}: {self.what}"]
        for one in self.figures:
            mark = {True: "ok  ", False: "MISS", None: "    "}[one.met]
            rows.append(f"  {mark} {one.name}: {one.text}{f'   (goal {one.goal})' if one.goal else ''}")
        return rows

    def record(self, share: float, seconds: float, folder: Path = RECORDS) -> Path:
        """Keep it as the measured truth that docs/reliability.md is made from."""
        kept: dict[str, Any] = asdict(self) | {
            "share": share,
            "seconds": round(seconds),
            "measured": datetime.now(UTC).strftime("%Y-%m-%d"),
            "machine": f"{len(os.sched_getaffinity(0))} cores, {platform.system()} {platform.machine()}",
        }
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.trial}.json"
        path.write_text(json.dumps(kept, indent=1) + "\n")
        return path


def read(path: Path) -> tuple[Outcome, dict[str, Any]]:
    """A recorded outcome, and when and where it was measured."""
    kept = json.loads(path.read_text())
    figures = [Figure(**one) for one in kept.pop("figures")]
    names = ("trial", "what", "series")
    return Outcome(figures=figures, **{name: kept.pop(name) for name in names}), kept


def stopwatch() -> Callable[[], float]:
    begun = time.monotonic()
    return lambda: time.monotonic() - begun
