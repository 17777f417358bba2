"""A full house: 50 pollers, 20 listeners, 5 senders, and whether any frame pays for it.

The same frames are sent twice, in streams of their own: first with nobody else there, then with everybody.
Frame by frame the two ledgers are compared: a deadline met alone must be met in the crowd.

    5 streams, each a frame every 2 s, 0.4 s apart; the first frame of each, which is tuned, comes ahead
    50 long-polling clients (10 a stream), 20 event listeners, one that asks for policy and atoms up to twenty
    times a second, and an operator who picks a point of the front each second
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import numpy as np

from chaos._crowd import (
    ATOMS,
    HEARD,
    PICK,
    POLICY,
    POLLED,
    Crowd,
    Open,
    Times,
    ask,
    listen,
    pick,
    wait_for_results,
)  # fmt: skip
from chaos._night import PIXEL_NM, SIDE_PX, drifting_views
from chaos.outcome import Figure, Outcome, Say, Size, exactly, told
from chaos.stage import Stage
from chaos.traffic import Books, Watch
from paretoscope.contract import Ledger, StreamPolicy
from paretoscope.errors import Busy
from paretoscope_client import Client, FrameSender

SENDERS, POLLERS, LISTENERS, PER_PROCESS = 5, 50, 20, 10
EVERY_S = 2.0
"""Between two frames of a stream: 2.5 a second in all, which one worker keeps."""
DEADLINE_S = 1.0
WHOLE_FRAMES = 150
"""Of each stream: five minutes."""
SETTLE_S = 3.0
"""For the crowd to connect before the first frame that counts."""


class Senders(threading.Thread):
    """One sender a stream, all in step but apart, with the same frames in every run."""

    def __init__(self, frames: str, streams: Sequence[str], images: Sequence[np.ndarray], count: int) -> None:
        super().__init__(name="senders", daemon=True)
        self._count, self._images = count, images
        self._senders = [FrameSender(frames, stream, ack_timeout_s=5.0) for stream in streams]
        self.sent: list[str] = []
        """Frames in order; the same place means the same image in every run."""
        self.acknowledged: dict[str, float] = {}
        """Frame ids and how long each took to be acknowledged, ms."""

    def run(self) -> None:
        begun_s = time.monotonic()
        for number in range(self._count):
            for index in range(SENDERS):
                due_s = begun_s + EVERY_S * (number + index / SENDERS)
                time.sleep(max(0.0, due_s - time.monotonic()))
                self.send(index, number)

    def send(self, index: int, number: int) -> str:
        """Hand a frame to the sender `index` and wait for its acknowledgement; its id."""
        image = self._images[(number + 7 * index) % len(self._images)]
        begun = time.monotonic()
        receipt = self._senders[index].send(image, pixel_size_nm=PIXEL_NM, dwell_us=10.0, simulated=True)
        self.sent.append(receipt.frame_id)
        try:
            receipt.wait(60.0)
            self.acknowledged[receipt.frame_id] = (time.monotonic() - begun) * 1e3
        except Busy:
            pass  # not acknowledged, and told as that
        return receipt.frame_id

    def close(self) -> None:
        for sender in self._senders:
            sender.close()


@dataclass
class Run:
    """What came of the frames, alone or in the crowd."""

    met: list[bool] = field(default_factory=list)
    """Of each frame, whether its deadline was met; False without a result."""
    total_ms: list[float] = field(default_factory=list)
    acked_ms: list[float] = field(default_factory=list)
    unacknowledged: int = 0
    books: Books = field(default_factory=lambda: Books(0))
    times: Times = field(default_factory=list)


def run(stage: Stage, images: Sequence[np.ndarray], count: int, crowd_of: int = 0) -> Run:
    """Send `count` frames each of new streams. crowd_of: clients a process, 0 for no crowd."""
    streams = tuple(f"{'crowd' if crowd_of else 'alone'}-{number}" for number in range(1, SENDERS + 1))
    with ExitStack() as stack:
        watch = stack.enter_context(Watch(stage))
        senders = Senders(stage.frames, streams, images, count)
        stack.callback(senders.close)
        with Client(stage.url) as client:
            for index, stream in enumerate(streams):
                client.set_policy(stream, StreamPolicy(lattice="SrTiO3", deadline_s=DEADLINE_S))
                client.result(senders.send(index, 0))
        crowd = None
        if crowd_of:
            groups = [(wait_for_results, here) for here in _shared(POLLERS, crowd_of)]
            groups += [(listen, here) for here in _shared(LISTENERS, crowd_of)]
            crowd = Crowd(Open(stage.url, streams), [*groups, (ask, 1), (pick, 1)])
        time.sleep(SETTLE_S)
        senders.start()
        senders.join()
        found = Run(books=watch.settle(senders), times=crowd.times() if crowd else [])
        with stage.store() as store:
            rows = [store.snapshot(one, told=[Ledger]).told for one in senders.sent[SENDERS:]]
        found.met = [bool(row.get("met")) for row in rows]
        found.total_ms = [row["total_ms"] for row in rows if "total_ms" in row]
        found.acked_ms = list(senders.acknowledged.values())[SENDERS:]
        found.unacknowledged = len(senders.sent) - len(senders.acknowledged)
    return found


def _shared(clients: int, most: int) -> list[int]:
    """So many clients over processes of at most `most` each."""
    return [min(most, clients - begun) for begun in range(0, clients, most)]


def trial(size: Size, say: Say) -> Outcome:
    count = size.times(WHOLE_FRAMES, 3)
    images = drifting_views(size.times(120, 12))
    with Stage() as stage:
        say(f"{count} frames of each of {SENDERS} streams, with nobody else there")
        alone = run(stage, images, count)
        say("the same frames, with everybody there")
        crowd = run(stage, images, count, PER_PROCESS if size.share > 0 else POLLERS)
    missed = sum(idle and not busy for idle, busy in zip(alone.met, crowd.met, strict=True))
    lost = len(alone.books.lost) + len(crowd.books.lost) + alone.unacknowledged + crowd.unacknowledged
    figures = [
        told("frames compared", len(crowd.met)),
        exactly("deadlines missed in the crowd that were met alone", missed),
        told("deadlines missed alone", alone.met.count(False)),
        exactly("frames lost or not acknowledged", lost),
        exactly("duplicate results", len(alone.books.doubled) + len(crowd.books.doubled)),
        told("deadline", DEADLINE_S * 1e3, "ms"),
        *_percentiles("frame to result, alone", alone.total_ms),
        *_percentiles("frame to result, in the crowd", crowd.total_ms),
        *_percentiles("frame to its acknowledgement, alone", alone.acked_ms),
        *_percentiles("frame to its acknowledgement, in the crowd", crowd.acked_ms),
    ]
    for what in (POLLED, HEARD, POLICY, ATOMS, PICK):
        figures += _percentiles(what, [ms for named, _, ms in crowd.times if named == what])
    what = (
        f"{SENDERS} senders with a frame of {SIDE_PX} x {SIDE_PX} px every {EVERY_S:g} s each, alone and "
        f"then beside {POLLERS} pollers, {LISTENERS} listeners, one that asks without end, one that picks"
    )
    return Outcome("load", what, figures)


def _percentiles(name: str, times_ms: Sequence[float]) -> list[Figure]:
    p50, p99 = np.percentile(times_ms, [50, 99]) if len(times_ms) else (float("nan"), float("nan"))
    return [told(f"{name}: p50", float(p50), "ms"), told(f"{name}: p99", float(p99), "ms")]
