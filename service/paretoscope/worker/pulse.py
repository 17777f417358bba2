"""A worker's signs of life: it lives, it still holds this frame, it is not stuck."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from paretoscope.adapters.store import ChoiceClaim, Claim, Store
from paretoscope.errors import ParetoscopeError

log = structlog.get_logger(__name__)

BEAT_S = 1.0
STUCK_EXIT_CODE = 70


def _leave() -> None:
    os._exit(STUCK_EXIT_CODE)


class Pulse:
    """A thread beside the work. While it beats, nobody takes the worker's claims over.

    A claim held for longer than its allowance means that the numerics hang; the process then leaves, its
    supervisor starts another, and the frame is handed out again.
    """

    def __init__(
        self, store: Store, consumer: str, *, beat_s: float = BEAT_S, leave: Callable[[], None] = _leave
    ) -> None:
        self._store = store
        self._consumer = consumer
        self._beat_s = beat_s
        self._leave = leave
        self._held: dict[int, tuple[Claim | ChoiceClaim, float]] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self.device = "none"
        self.ready = False

    def start(self) -> Pulse:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def idle(self) -> bool:
        """Whether nothing is being worked on."""
        return not self._held

    @contextmanager
    def holding(self, claim: Claim | ChoiceClaim, allowance_s: float) -> Iterator[None]:
        """Keep the claim ours for as long as the block runs, `allowance_s` seconds at most."""
        key = id(claim)
        with self._lock:
            self._held[key] = (claim, time.monotonic() + allowance_s)
        try:
            yield
        finally:
            with self._lock:
                del self._held[key]

    def _run(self) -> None:
        while True:
            try:
                self._beat()
            except ParetoscopeError as error:
                log.debug("no sign of life", code=error.code)
            if self._stop.wait(self._beat_s):
                return

    def _beat(self) -> None:
        with self._lock:
            held = list(self._held.values())
        working = ", ".join(_name(claim) for claim, _ in held)
        state = "working" if held else "ready" if self.ready else "starting"
        self._store.beat(
            self._consumer,
            pid=os.getpid(),
            device=self.device,
            state=state,
            detail=working,
            ttl_s=5 * self._beat_s,
        )
        for claim, until in held:
            if time.monotonic() > until:
                log.error("stuck, leaving so that another worker can start", work=_name(claim))
                self._leave()
            self._store.keep(claim, self._consumer)


def _name(claim: Claim | ChoiceClaim) -> str:
    return claim.frame_id if isinstance(claim, Claim) else f"choice {claim.choice_id}"
