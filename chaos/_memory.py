"""What each part of a running service holds, and whether it grows."""

from __future__ import annotations

import math
import threading
import time
from collections import defaultdict
from pathlib import Path
from types import TracebackType

import numpy as np
import psutil
from scipy.stats import theilslopes

from chaos.stage import MARKS, Stage

PARTS = ("supervisor", "store", "bridge", "api", "worker")


def resident_mib(stage: Stage) -> dict[str, tuple[float, frozenset[int]]]:
    """Part -> resident memory of all its processes, MiB, and which they are.

    A store that rewrites its file does so in a forked copy: the copy shares its pages and is left out.
    """
    found: dict[str, tuple[float, frozenset[int]]] = {}
    for top in stage.processes("supervisor"):
        family = [("supervisor", top), *((_part(one), one) for one in top.children(recursive=True))]
        for part, one in family:
            try:
                if part == "store" and one.parent() != top and _part(one.parent()) == "store":
                    continue
                held, pids = found.get(part, (0.0, frozenset()))
                found[part] = held + one.memory_info().rss / 2**20, pids | {one.pid}
            except psutil.Error:
                continue
    return found


def _part(one: psutil.Process | None) -> str:
    try:
        words = "" if one is None else " ".join(one.cmdline())
    except psutil.Error:
        words = ""
    return next((part for part, mark in MARKS.items() if mark in words), "other")


def disk_mib(folder: Path) -> float:
    """All files below, MiB; files that vanish meanwhile do not count."""
    total = 0
    for file in folder.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except OSError:
            continue
    return total / 2**20


class Scales:
    """Weighs every part each `every_s` seconds."""

    def __init__(self, stage: Stage, every_s: float = 5.0) -> None:
        self._stage = stage
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scales", daemon=True)
        self.begun_s = time.monotonic()
        self.weights: dict[str, list[tuple[float, float, frozenset[int]]]] = defaultdict(list)
        """Part -> (when, minutes since the beginning; MiB; its processes)."""
        self.disk: list[tuple[float, float]] = []
        """(minutes, MiB) of the data folder."""

    def __enter__(self) -> Scales:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            minute = (time.monotonic() - self.begun_s) / 60
            for part, (held, pids) in resident_mib(self._stage).items():
                self.weights[part].append((minute, held, pids))
            self.disk.append((minute, disk_mib(self._stage.data)))

    def slope_mib_per_h(self, part: str, from_minute: float) -> tuple[float, float, float]:
        """Growth of the part since `from_minute`, MiB/h, by Theil and Sen, and its 95 % interval.

        From where the processes that run at the end took over, so that a restart is no growth; NaN with
        fewer than 8 weighings.
        """
        rows = self.weights[part]
        if rows:
            newest = rows[-1][2]
            rows = [row for row in rows if row[2] == newest and row[0] >= from_minute]
        if len(rows) < 8:
            return math.nan, math.nan, math.nan
        fit = theilslopes([held for _, held, _ in rows], [minute / 60 for minute, _, _ in rows])
        return float(fit.slope), float(fit.low_slope), float(fit.high_slope)  # type: ignore[attr-defined]

    def by_minute(self, part: str) -> list[float]:
        """Median of each minute, MiB; NaN for a minute without."""
        return by_minute([(minute, held) for minute, held, _ in self.weights[part]])

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(30.0)


def by_minute(rows: list[tuple[float, float]]) -> list[float]:
    """Median of each whole minute from 0 on; NaN for a minute without."""
    minutes: dict[int, list[float]] = defaultdict(list)
    for minute, value in rows:
        minutes[int(minute)].append(value)
    return [
        float(np.median(minutes[one])) if one in minutes else math.nan
        for one in range(max(minutes, default=-1) + 1)
    ]
