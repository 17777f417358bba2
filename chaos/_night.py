"""What a long night is made of: images that drift, a killer, and a listener who comes back."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from types import TracebackType

import numpy as np

from chaos.stage import Part, Stage
from chaos.traffic import CLOSING
from paretoscope.errors import ParetoscopeError
from paretoscope_client import Client

SIDE_PX, PIXEL_NM = 256, 0.02
DRIFT_NM, VIEWS = 0.6, 120


def drifting_views(views: int = VIEWS) -> list[np.ndarray]:
    """(side, side) uint16 images of SrTiO3 that drifts there and back; each with noise of its own."""
    from paretoscope_sim import Scan, make_sample, render

    field_nm = SIDE_PX * PIXEL_NM
    sample = make_sample("SrTiO3", field_nm=field_nm + 2 * DRIFT_NM + 1.0, seed=1)
    middle = (field_nm + 2 * DRIFT_NM + 1.0) / 2
    images = []
    for number in range(views):
        there = DRIFT_NM * math.sin(2 * math.pi * number / views)
        scan = Scan((SIDE_PX, SIDE_PX), field_nm, centre_nm=(middle + there, middle - 0.7 * there))
        images.append(render(sample, scan, seed=number).image)
    return images


@dataclass
class Killer:
    """Kills one part after another, each when the one before is back, until told to stop."""

    stage: Stage
    every_s: float
    until_s: float
    """By the monotonic clock."""
    seed: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    struck_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="killer", daemon=True)

    def _run(self) -> None:
        dice = random.Random(self.seed)
        parts: Iterator[Part] = cycle(("worker", "bridge", "api", "store"))
        while not self._stop.wait(self.every_s * dice.uniform(0.7, 1.3)) and time.monotonic() < self.until_s:
            part = next(parts)
            try:
                self.stage.kill(part)
            except (LookupError, ProcessLookupError):
                continue
            self.kills[part] += 1
            self.struck_s.append(time.monotonic())

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5.0)


class Listener:
    """A reader over REST who loses the service often and resumes by Last-Event-ID."""

    def __init__(self, stage: Stage, stream: str) -> None:
        self._client = Client(stage.url, timeout_s=5.0)
        self._stream = stream
        self._begun_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="listener", daemon=True)
        self.heard: Counter[str] = Counter()
        """How often each frame's end was heard."""
        self.modes: Counter[str] = Counter()
        self.latency: list[tuple[float, float]] = []
        """(minute, from a frame's last byte at the bridge to its result in the store, ms)."""

    def _run(self) -> None:
        try:
            for event in self._client.events(self._stream, after="0"):
                if event.kind in CLOSING and event.frame_id is not None and "choice_id" not in event.data:
                    self.heard[event.frame_id] += 1
                    if event.kind == "result":
                        self.modes[event.data["mode"]] += 1
                        self.latency.append((self._minute(), event.data["total_ms"]))
        except (ParetoscopeError, RuntimeError):
            return  # closed at the end of the night

    def _minute(self) -> float:
        return (time.monotonic() - self._begun_s) / 60

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()
