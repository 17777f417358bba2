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
from paretoscope.worker.board import IDLE_S
from paretoscope.worker.frames import HANG_PER_MEGAPIXEL_S

HANGS = 60
"""In each manner."""
BACK_S = 2.0
STREAM = "night"
SILENT_S, HANG_S, DEADLINE_S = 1.0, 2.0, 0.7
MANNERS = {
    "stopped": (signal.SIGSTOP, SILENT_S, SILENT_S),
    "asleep": (signal.SIGUSR1, round(DEADLINE_S + HANG_S + HANG_PER_MEGAPIXEL_S * 0.128**2, 2), IDLE_S),
    "spinning in C": (signal.SIGUSR2, SILENT_S, SILENT_S),
}
"""Manner -> the signal that brings it about (see `_hanging/sitecustomize.py`), and after how many seconds at
most the worker must be found to hang: with a frame in hand, and without."""


class HangingStage(Stage):
    @property
    def environment(self) -> dict[str, str]:
        told = super().environment
        hook = Path(__file__).parent / "_hanging"
        return told | {"PYTHONPATH": os.pathsep.join([str(hook), told["PYTHONPATH"]])}


def hang(store: Store, watch: Watch, before: int, sign: int, wait_s: float) -> tuple[int, float]:
    """Make the worker that lives now hang over a frame; (its pid, s until another works).

    wait_s: how long to leave it alone before.
    """
    pid = _worker(store, other_than=before)
    time.sleep(wait_s)
    until(lambda: _has_a_frame(store), "a frame in hand", 60.0, 0.002)
    begun = time.monotonic()
    os.kill(pid, sign)
    _worker(store, other_than=pid)
    back_s = time.monotonic() - begun
    until(lambda: max(watch.closed_at.values(), default=0.0) > begun + back_s, "the next result", 60.0)
    return pid, back_s


def _has_a_frame(store: Store) -> bool:
    return any(store.state(one) == "working" for one in store.frames(STREAM, 8))


def _held_something(store: Store) -> list[bool]:
    """Of each worker that was found to hang, in order: whether it had a frame in hand.

    One that was caught just after it finished its frame has none, and another limit.
    """
    events = [event.data for _, event in store.read_events("0", count=100_000) if event.kind == "worker"]
    return [bool(data.get("frame_id")) for data in events if data["state"] == "hung"]


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
    if not times_s:
        return []
    ordered = sorted(times_s)
    return [
        told(f"{manner}: times", len(ordered)),
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
        store.set_policy(STREAM, StreamPolicy(deadline_s=DEADLINE_S, tracking="off"))
        with Traffic(stage, STREAM, every_s=2.0) as traffic:
            until(lambda: len(watch.closed_at) >= 3, "the first results", 60.0)
            pid, times_s = 0, list[float]()
            for manner, (sign, _, _) in MANNERS.items():
                for number in range(1, hangs + 1):
                    pid, back_s = hang(store, watch, pid, sign, dice.uniform(0.1, 0.8))
                    times_s.append(back_s)
                    if number % 20 == 0:
                        say(f"{manner}: {number} hung, longest {max(times_s[-number:]):.2f} s")
            traffic.stop()
            books = watch.settle(traffic, patience_s=300.0)
        counted, in_hand = store.counters(), _held_something(store)
        ready = httpx.get(f"{stage.url}/readyz", timeout=10.0).status_code
    if len(in_hand) == len(times_s):
        for index, (manner, (_, limit_s, idle_s)) in enumerate(MANNERS.items()):
            part = slice(index * hangs, (index + 1) * hangs)
            pairs = list(zip(times_s[part], in_hand[part], strict=True))
            figures += _times(f"{manner}, limit {limit_s:g} s", limit_s, [s for s, held in pairs if held])
            figures += _times(
                f"{manner} without a frame, limit {idle_s:g} s", idle_s, [s for s, held in pairs if not held]
            )
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
