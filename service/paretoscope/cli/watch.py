"""Bridge and API that hang, alive for the kernel and silent for all others, are killed and so come back."""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

import structlog

from paretoscope.adapters.tethered import Kept

log = structlog.get_logger(__name__)

LOOK_S = 2.0
HUNG_S = 20.0
"""Silence after which one that was heard before counts as hung."""
START_S = 60.0
"""How long one may take to be heard for the first time; imports are slow on a busy machine."""
ANSWER_S = 5.0


@dataclass
class Watched:
    part: str
    kept: Kept
    lives: Callable[[], bool]
    """Whether it gave a sign of life since it was last asked."""
    pid: int | None = None
    heard_s: float = 0.0
    """When it last did, or was started; monotonic clock, s."""
    begun: bool = False
    """Whether it ever did."""

    def look(self) -> None:
        """Kill it where it has been silent for too long."""
        pid, now_s = self.kept.pid, time.monotonic()
        if pid is None or pid != self.pid:
            self.pid, self.heard_s, self.begun = pid, now_s, False
            self.lives()  # What its forerunner left is no sign of its own.
            return
        if self.lives():
            self.heard_s, self.begun = time.monotonic(), True
        elif now_s - self.heard_s > (HUNG_S if self.begun else START_S):
            log.error("part of the service hangs and is killed", part=self.part, pid=pid)
            self.kept.kill()
            self.heard_s = now_s


class Watch:
    """A thread that looks at them, for as long as it is entered."""

    def __init__(self, watched: Sequence[Watched]) -> None:
        self._watched = list(watched)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            for one in self._watched:
                one.look()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(2 * ANSWER_S)


class Pulse:
    """A pipe into which a child writes while it lives; needs neither store nor network."""

    def __init__(self) -> None:
        self._read, self.write = os.pipe()
        os.set_blocking(self._read, False)
        os.set_blocking(self.write, False)

    def __enter__(self) -> Pulse:
        return self

    def felt(self) -> bool:
        """Whether something came since it was last asked."""
        try:
            return bool(os.read(self._read, 4096))
        except BlockingIOError:
            return False

    def __exit__(self, *_: object) -> None:
        os.close(self._read)
        os.close(self.write)


def api_answers(host: str, port: int) -> Callable[[], bool]:
    """Any answer will do: it is a sign of life."""

    def lives() -> bool:
        line = http.client.HTTPConnection(host, port, timeout=ANSWER_S)
        try:
            line.request("GET", "/healthz", headers={"Connection": "close"})
            return line.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            line.close()

    return lives
