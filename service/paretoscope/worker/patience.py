"""Waiting for a store that is away, without losing what was done meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

import structlog

from paretoscope.errors import Busy, StoreDown

R = TypeVar("R")

log = structlog.get_logger(__name__)


class Stopped(Exception):
    """The worker was told to stop while it waited; the work goes to the next one."""


class Patience:
    def __init__(
        self,
        stop: threading.Event,
        *,
        pause_s: float = 0.05,
        longest_pause_s: float = 2.0,
        waited: Callable[[float], None] = lambda _: None,
    ) -> None:
        """waited: told the seconds that went by in vain, as they go by."""
        self.stop = stop
        self._waited = waited
        self._pause_s = pause_s
        self._longest_pause_s = longest_pause_s

    def until_done(self, step: Callable[[], R]) -> R:
        """Run `step` until the store takes it. Raises Stopped when told to stop first."""
        pause_s = self._pause_s
        waited = False
        while True:
            begun = time.monotonic()
            try:
                result = step()
            except (StoreDown, Busy) as error:
                if not waited:
                    log.warning("waiting for the store", code=error.code, hint=error.hint)
                waited = True
                if self.stop.wait(pause_s):
                    raise Stopped from error
                pause_s = min(2 * pause_s, self._longest_pause_s)
                self._waited(time.monotonic() - begun)
            else:
                if waited:
                    log.info("the store is back")
                return result
