"""Keeps workers alive."""

from __future__ import annotations

import os
import socket
import sys
import time
from collections.abc import Sequence
from types import TracebackType

import structlog

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import store_url
from paretoscope.adapters.tethered import Kept
from paretoscope.adapters.threads import standby_environment
from paretoscope.errors import StoreDown
from paretoscope.settings import Settings
from paretoscope.worker.standby import CANNOT_START, NAME_VARIABLE

log = structlog.get_logger(__name__)

COMMAND = (sys.executable, "-m", "paretoscope.worker.standby")
LEAVE_S = 2.0
"""Beyond `limits.drain_s`, for a standby to kill its process, hand its frame over and go."""


class Supervisor:
    """Spawns `workers` standbys, each of which keeps one process at work; starts them again when they die.

    A process that dies over a frame is followed by another that takes the frame up under the same name; when
    the standby itself dies, its process dies with it and the frame goes to whoever is free. The result
    appears once either way, because the store closes a frame once.
    """

    def __init__(self, settings: Settings, *, workers: int = 1, command: Sequence[str] = COMMAND) -> None:
        self.url = store_url(settings)
        self._store = Store.open(self.url, settings.limits)
        self._longest_stop_s = settings.limits.drain_s + LEAVE_S
        base = f"{socket.gethostname()}-{os.getpid()}"
        self.names = [f"{base}-{index}" for index in range(workers)]
        self._kept = [
            Kept(
                command,
                environment=os.environ
                | standby_environment(workers)
                | settings.environment()
                | {NAME_VARIABLE: name},
                died=lambda code, name=name: self._died(name, code),
                final_codes=(CANNOT_START,),
            )
            for name in self.names
        ]

    def start(self) -> Supervisor:
        for kept in self._kept:
            kept.start()
        return self

    @property
    def pids(self) -> list[int | None]:
        """Of the standbys; `Store.workers` tells those of the processes that work."""
        return [kept.pid for kept in self._kept]

    @property
    def restarts(self) -> int:
        """How often a standby was started again."""
        return sum(kept.restarts for kept in self._kept)

    @property
    def gave_up(self) -> bool:
        """True when a worker cannot start here at all (no such device); its log says why."""
        return any(kept.gave_up for kept in self._kept)

    def exit_codes(self) -> list[int | None]:
        """Per worker, the code with which it ended last; None while it runs."""
        return [kept.poll() for kept in self._kept]

    def stop(self) -> None:
        """SIGTERM to all. What is still there after `limits.drain_s` and 2 s more is killed; unfinished
        frames are handed out again at once."""
        until = time.monotonic() + self._longest_stop_s
        for kept in self._kept:
            kept.tell()
        for kept in self._kept:
            kept.stop(max(0.0, until - time.monotonic()))
        for name, code in zip(self.names, self.exit_codes(), strict=True):
            if code:
                self._hand_over(name)
        self._store.close()

    def _died(self, name: str, code: int) -> None:
        log.error("worker died", worker=name, exit_code=code)
        self._hand_over(name)
        try:
            self._store.worker_ended(name, "died", exit_code=code)
        except StoreDown as error:
            log.warning("not counted", code=error.code)

    def _hand_over(self, name: str) -> None:
        try:
            self._store.release(name)
        except StoreDown as error:
            log.warning("not handed over; others take it after a while", code=error.code)

    def __enter__(self) -> Supervisor:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
