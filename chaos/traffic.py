"""Real senders, a book of what was acknowledged, and a reader of what came of it.

with Stage() as stage, Watch(stage) as watch, Traffic(stage, "night", every_s=0.1) as traffic:
    ...faults...
    traffic.stop()
    books = watch.settle(traffic)        # lost and doubled frames
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol

import numpy as np

from chaos.stage import until
from paretoscope.adapters.store import Store
from paretoscope.contract import Ack
from paretoscope.errors import ParetoscopeError, StoreDown
from paretoscope_client import FrameSender
from paretoscope_client.receipt import Receipt

CLOSING = ("result", "fault", "drop")
SPACING_PX = 12.0


def lattice_image(number: int, side_px: int = 128) -> np.ndarray:
    """(side, side) uint16: a square lattice of bright columns under noise, another for each number."""
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32)
    phase = 2 * np.pi / SPACING_PX
    wave = (np.cos(phase * (y - SPACING_PX / 2)) + np.cos(phase * (x - SPACING_PX / 2))) / 2
    noise = np.random.default_rng(number).normal(0.0, 0.03, (side_px, side_px))
    return np.clip(8000 + 30000 * (np.exp(2 * (wave - 1)) + noise), 0, 65535).astype(np.uint16)


class Booked(Protocol):
    """Has a book of what was acknowledged, such as a ``Traffic``."""

    acknowledged: dict[str, float]


class Place(Protocol):
    """A service to send to and to watch, such as a ``Stage``."""

    frames: str
    """Where the bridge takes frames."""

    def store(self) -> Store: ...


class Traffic:
    """One instrument: a new image every `every_s` seconds, no frame given up, acknowledgements booked."""

    def __init__(
        self,
        stage: Place,
        stream: str = "night",
        *,
        every_s: float = 0.1,
        frames: int | None = None,
        side_px: int = 128,
        images: int | Sequence[np.ndarray] = 16,
        burst: int = 1,
        keys: tuple[Path, Path] | None = None,
    ) -> None:
        """frames: how many to send, until stopped when None. images: these, or so many different lattices,
        in turn. burst: so many at once each time. keys: for a bridge beyond loopback."""
        self.stream = stream
        self._every_s = every_s
        self._frames = frames
        if isinstance(images, int):
            images = [lattice_image(number, side_px) for number in range(images)]
        self._images = images
        self._burst = burst
        self._sender = FrameSender(
            stage.frames,
            stream,
            queue_frames=64,
            when_full="wait",
            wait_s=600.0,
            ack_timeout_s=1.0,
            keys=keys,
        )
        self._open: list[Receipt] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"traffic {stream}", daemon=True)
        self.sent = 0
        self.acknowledged: dict[str, float] = {}
        """Frame ids and when their acknowledgement was seen here, monotonic clock, s."""
        self.refused: list[str] = []
        self.duplicates = 0
        self.missing = 0
        """Frames that the bridge told to be missing, by its acknowledgements."""

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def _run(self) -> None:
        next_s = time.monotonic()
        while not self._stop.is_set() and (self._frames is None or self.sent < self._frames):
            for _ in range(self._burst):
                image = self._images[self.sent % len(self._images)]
                self._open.append(self._sender.send(image, pixel_size_nm=0.02, dwell_us=10.0, simulated=True))
                self.sent += 1
            self._book()
            next_s = max(next_s + self._every_s, time.monotonic() - 5 * self._every_s)
            while (left_s := next_s - time.monotonic()) > 0 and not self._stop.wait(min(left_s, 0.02)):
                self._book()
        while self._open and not self._stop.wait(0.005):
            self._book()

    def _book(self) -> None:
        """Receipts settle in the order of the frames, mostly; each is looked at until it is settled."""
        still: list[Receipt] = []
        for receipt in self._open:
            outcome = receipt.outcome
            if outcome is None:
                still.append(receipt)
            elif isinstance(outcome, Ack):
                self.acknowledged[receipt.frame_id] = time.monotonic()
                self.duplicates += outcome.duplicate
                self.missing += outcome.gap
            elif isinstance(outcome, ParetoscopeError):
                self.refused.append(f"{receipt.frame_id}: {outcome.code}")
        self._open = still

    @property
    def done(self) -> bool:
        return not self._thread.is_alive()

    @property
    def counters(self) -> dict[str, int]:
        return self._sender.counters

    def stop(self, patience_s: float = 60.0) -> None:
        """Wait until everything is sent (a sender without a number of frames ends now) and settled."""
        if self._frames is None:
            self._frames = self.sent
        until(lambda: self.done, f"stream {self.stream} to be acknowledged", patience_s)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self._sender.close(0.0)


@dataclass
class Books:
    """What became of acknowledged frames."""

    acknowledged: int
    lost: list[str] = field(default_factory=list)
    """Acknowledged, and no result, fault or drop was ever told."""
    doubled: list[str] = field(default_factory=list)
    """Told more than once."""
    faults: int = 0
    dropped: int = 0


class Watch:
    """Follows the event log as a listener does, from the first event to the last, over every fault."""

    def __init__(self, stage: Place) -> None:
        self._store = stage.store()
        self._after = "0"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self.closes: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.closed_at: dict[str, float] = {}
        """Frame ids and when their end was seen here first, monotonic clock, s."""

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                found = self._store.read_events(self._after, count=500, block_s=0.25)
            except StoreDown:
                self._stop.wait(0.02)
                continue
            for event_id, event in found:
                self._after = event_id
                self.kinds[event.kind] += 1
                # What is told of a choice on a frame is not the frame's end.
                frame_id = None if "choice_id" in event.data else event.frame_id
                if event.kind in CLOSING and frame_id is not None:
                    self.closes[frame_id] += 1
                    self.kinds[f"closed:{event.kind}"] += 1
                    self.closed_at.setdefault(frame_id, time.monotonic())

    def settle(self, *traffics: Booked, patience_s: float = 120.0) -> Books:
        """Wait until every acknowledged frame has an end (at most `patience_s`), then open the books."""
        booked = [frame_id for one in traffics for frame_id in one.acknowledged]

        def settled() -> bool:
            return all(frame_id in self.closes for frame_id in booked)

        with contextlib.suppress(TimeoutError):  # What is missing is told as lost.
            until(settled, "all results", patience_s, 0.05)
        time.sleep(0.5)  # A second end of a frame would come soon after.
        return Books(
            acknowledged=len(booked),
            lost=[frame_id for frame_id in booked if frame_id not in self.closes],
            doubled=[frame_id for frame_id in booked if self.closes[frame_id] > 1],
            faults=self.kinds["closed:fault"],
            dropped=self.kinds["closed:drop"],
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(5.0)
        self._store.close()
