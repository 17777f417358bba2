"""Workers made to hang in every manner under load: stopped, asleep in the midst of work, spinning in C.

hang ──> silent for `silent_s`, or the frame's time is up ──> killed by its standby ──> the next process
         takes the frame up; each frame has one result
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import httpx

from chaos.outcome import Figure, Outcome, Say, Size, at_least, exactly, told, under
from chaos.stage import Stage, until
from chaos.traffic import Traffic, Watch
from paretoscope.adapters.store import Store
from paretoscope.contract import StreamPolicy

HANGS = 60
"""In each manner."""
BACK_S = 2.0
STREAM = "night"
SILENT_S, HANG_S, DEADLINE_S = 1.0, 2.0, 1.0
MANNERS = {
    "stopped": (signal.SIGSTOP, SILENT_S),
    "asleep": (signal.SIGUSR1, DEADLINE_S + HANG_S),
    "spinning in C": (signal.SIGUSR2, SILENT_S),
}
"""Manner -> the signal that brings it about (see `_hanging/sitecustomize.py`), and after how many seconds at
most the worker must be found to hang."""


class HangingStage(Stage):
    @property
    def environment(self) -> dict[str, str]:
        told = super().environment
        hook = Path(__file__).parent / "_hanging"
        return told | {"PYTHONPATH": os.pathsep.join([str(hook), told["PYTHONPATH"]])}


def hang(store: Store, watch: Watch, before: int, sign: int, wait_s: float) -> tuple[int, float]:
    """Make the worker that lives now hang, `wait_s` after it has begun; (its pid, s until another works)."""
    pid = _worker(store, other_than=before)
    time.sleep(wait_s)
    begun = time.monotonic()
    os.kill(pid, sign)
    _worker(store, other_than=pid)
    back_s = time.monotonic() - begun
    until(lambda: max(watch.closed_at.values(), default=0.0) > begun + back_s, "the next result", 60.0)
    return pid, back_s


def _worker(store: Store, other_than: int) -> int:
    """The process that works, once it is another one and ready."""
    found: list[int] = []

    def there() -> bool:
        found[:] = [
            one.pid
            for one in store.workers()
            if one.pid != other_than and one.state in ("ready", "working") and one.kernel_ms is not None
        ]
        return bool(found)

    until(there, "a worker", 60.0, 0.005)
    return found[0]


def _times(manner: str, limit_s: float, times_s: list[float]) -> list[Figure]:
    ordered = sorted(times_s)
    return [
        told(f"{manner}: found within", limit_s, "s"),
        told(f"{manner}: hung to working again, p50", ordered[len(ordered) // 2], "s"),
        under(f"{manner}: hung to working again, longest", ordered[-1], limit_s + BACK_S, "s"),
    ]


def trial(size: Size, say: Say) -> Outcome:
    hangs = size.times(HANGS, 1)
    dice = random.Random(3)
    figures: list[Figure] = []
    with (
        HangingStage(limits__silent_s=str(SILENT_S), limits__hang_s=str(HANG_S)) as stage,
        stage.store() as store,
        Watch(stage) as watch,
    ):
        store.set_policy(STREAM, StreamPolicy(deadline_s=DEADLINE_S))
        with Traffic(stage, STREAM, every_s=0.3) as traffic:
            until(lambda: len(watch.closed_at) >= 3, "the first results", 60.0)
            pid = 0
            for manner, (sign, limit_s) in MANNERS.items():
                times_s = []
                for number in range(1, hangs + 1):
                    pid, back_s = hang(store, watch, pid, sign, dice.uniform(0.1, 0.8))
                    times_s.append(back_s)
                    if number % 20 == 0:
                        say(f"{manner}: {number} hung, longest {max(times_s):.2f} s")
                figures += _times(manner, limit_s, times_s)
            traffic.stop()
            books = watch.settle(traffic)
        counted = store.counters()
        ready = httpx.get(f"{stage.url}/readyz", timeout=10.0).status_code
    figures = [
        at_least(
            "workers made to hang", hangs * len(MANNERS), HANGS * len(MANNERS) if size.share >= 1 else 0
        ),
        exactly("workers found to hang", counted.get("workers:hung", 0), hangs * len(MANNERS)),
        exactly("workers that died otherwise", counted.get("workers:died", 0)),
        *figures,
        told("frames acknowledged", books.acknowledged),
        exactly("acknowledged frames lost", len(books.lost)),
        exactly("frames with more than one result", len(books.doubled)),
        exactly("frames failed or dropped", books.faults + books.dropped),
        exactly("ready at the end (200)", ready, 200),
    ]
    what = f"the worker made to hang {hangs} times in each of {len(MANNERS)} manners, under load"
    return Outcome("hang", what, figures)
