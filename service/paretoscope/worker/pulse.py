"""A worker's signs of life to the store: it lives, it still holds this frame, it gets on."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from paretoscope.adapters.store import ChoiceClaim, Claim, Store
from paretoscope.errors import DeviceFailed, ParetoscopeError
from paretoscope.worker.board import CHOICE, FRAME, Board

log = structlog.get_logger(__name__)

BEAT_S = 1.0
CHECK_S = 2.0
"""How often the device is asked to show that it computes."""


class Pulse:
    """A thread beside the work. While it beats, nobody takes the worker's claims over.

    Beats are for others; what the process that watches this one goes by is on the board.
    """

    def __init__(
        self, store: Store, consumer: str, board: Board | None = None, *, beat_s: float = BEAT_S
    ) -> None:
        self.board = board or Board()
        self._store = store
        self._consumer = consumer
        self._beat_s = beat_s
        self._held: dict[int, Claim | ChoiceClaim] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self.device = "none"
        self._ready = False
        self._kernel_ms: float | None = None
        self._kernel_at_s = 0.0
        self._kernel_error = ""

    def start(self) -> Pulse:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def set_ready(self) -> None:
        """Told at once: others wait for it."""
        self._ready = True
        self._tell()

    @property
    def idle(self) -> bool:
        """Whether nothing is being worked on."""
        return not self._held

    @contextmanager
    def holding(self, claim: Claim | ChoiceClaim, allowance_s: float) -> Iterator[None]:
        """Keep the claim ours for as long as the block runs, `allowance_s` seconds at most."""
        place = _place(claim)
        with self._lock:
            self._held[place] = claim
        self.board.hold(place, _name(claim), time.monotonic() + allowance_s)
        try:
            yield
        finally:
            if place == FRAME:
                self.board.tick()  # Before it is dropped: its last step may be long ago.
            self.board.drop(place)
            with self._lock:
                del self._held[place]

    def checked(self, check: Callable[[], None]) -> None:
        """Run `check` where the last time is `CHECK_S` ago, and tell how it went. Raises DeviceFailed."""
        begun = time.monotonic()
        if self._kernel_ms is not None and begun - self._kernel_at_s < CHECK_S:
            return
        try:
            check()
        except DeviceFailed as error:
            self._kernel_error = error.hint
            self._tell()
            raise
        self._kernel_at_s = time.monotonic()
        self._kernel_ms = 1e3 * (self._kernel_at_s - begun)

    def waited(self, seconds: float) -> None:
        """Time that went by while the store was away is no time in which work hung."""
        self.board.tick()
        for place in (FRAME, CHOICE):
            self.board.grant(place, seconds)

    def _run(self) -> None:
        while True:
            self._tell()
            if self._stop.wait(self._beat_s):
                return

    def _tell(self) -> None:
        try:
            self._beat()
        except ParetoscopeError as error:
            log.debug("no sign of life", code=error.code)

    def _beat(self) -> None:
        with self._lock:
            held = list(self._held.values())
        working = ", ".join(_name(claim) for claim in held)
        state = "working" if held else "ready" if self._ready else "starting"
        self._store.beat(
            self._consumer,
            pid=os.getpid(),
            device=self.device,
            state=state,
            detail=working,
            tick_age_s=self.board.tick_age_s(),
            kernel_ms=self._kernel_ms,
            kernel_age_s=None if self._kernel_ms is None else time.monotonic() - self._kernel_at_s,
            kernel_error=self._kernel_error,
            ttl_s=5 * self._beat_s,
        )
        for claim in held:
            self._store.keep(claim, self._consumer)


def _place(claim: Claim | ChoiceClaim) -> int:
    return FRAME if isinstance(claim, Claim) else CHOICE


def _name(claim: Claim | ChoiceClaim) -> str:
    return claim.frame_id if isinstance(claim, Claim) else f"choice {claim.choice_id}"
