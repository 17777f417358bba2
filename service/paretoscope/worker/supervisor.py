"""Keeps worker processes alive."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Sequence
from types import TracebackType

import structlog

from paretoscope.adapters.store import Store, utc_now, utc_text
from paretoscope.adapters.store.launch import store_url
from paretoscope.adapters.tethered import Kept
from paretoscope.adapters.threads import thread_environment
from paretoscope.contract import Event
from paretoscope.errors import StoreDown
from paretoscope.settings import Settings
from paretoscope.worker.process import CANNOT_START, NAME_VARIABLE

log = structlog.get_logger(__name__)

COMMAND = (sys.executable, "-m", "paretoscope.worker.process")


class Supervisor:
    """Starts `workers` worker processes (spawned, never forked) and starts them again when they die.

    A worker that dies over a frame gets it back under the same name; its result appears once, because the
    store closes a frame once.
    """

    def __init__(self, settings: Settings, *, workers: int = 1, command: Sequence[str] = COMMAND) -> None:
        self.url = store_url(settings)
        self._store = Store.open(self.url, settings.limits)
        base = f"{socket.gethostname()}-{os.getpid()}"
        self.names = [f"{base}-{index}" for index in range(workers)]
        self._kept = [
            Kept(
                command,
                environment=os.environ
                | thread_environment(workers)
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
        return [kept.pid for kept in self._kept]

    @property
    def restarts(self) -> int:
        return sum(kept.restarts for kept in self._kept)

    @property
    def gave_up(self) -> bool:
        """True when a worker cannot start here at all (no such device); its log says why."""
        return any(kept.gave_up for kept in self._kept)

    def exit_codes(self) -> list[int | None]:
        """Per worker, the code with which it ended last; None while it runs."""
        return [kept.poll() for kept in self._kept]

    def stop(self, grace_s: float = 10.0) -> None:
        """SIGTERM; a worker still there after `grace_s` seconds is killed, its frame handed out again."""
        for kept in self._kept:
            kept.tell()
        for kept in self._kept:
            kept.stop(grace_s)
        self._store.close()

    def _died(self, name: str, code: int) -> None:
        log.error("worker died", worker=name, exit_code=code)
        try:
            self._store.count("workers:died")
            data = {"worker": name, "exit_code": code, "state": "died"}
            self._store.append_event(Event(kind="worker", at=utc_text(utc_now()), data=data))
        except StoreDown as error:
            log.warning("not counted", code=error.code)

    def __enter__(self) -> Supervisor:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
