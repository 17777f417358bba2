"""What others see of a scan that still runs: its rows in the store, and now and then an event.

Nobody depends on it. Where the store does not take a block, the rest of that frame is not shown either, and
the frame itself comes as ever.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from paretoscope.bridge.rows import Unfinished
from paretoscope.bridge.stores import FrameStore
from paretoscope.bridge.tally import Tally
from paretoscope.contract import Event
from paretoscope.errors import ParetoscopeError

log = logging.getLogger(__name__)

R = TypeVar("R")

TOLD_EVERY_S = 0.2
"""Between two events about one scan."""
PAUSE_S = 5.0
"""After the store refused to show a scan, none is shown for this long: frames must not wait for it."""


class Scans:
    def __init__(
        self, store: FrameStore, tally: Tally, clock: Callable[[], float], utc: Callable[[], str]
    ) -> None:
        self._store = store
        self._tally = tally
        self._clock = clock
        self._utc = utc
        self._back_s = float("-inf")

    def begun(self, one: Unfinished) -> None:
        one.shown_as = self._try(lambda: self._store.scan_begun(one.begin))

    def rows(self, one: Unfinished, first_row: int, pixels: memoryview) -> None:
        run = one.shown_as
        if run is not None and not self._try(
            lambda: self._store.scan_rows(one.begin.stream, run, first_row, one.held, pixels)
        ):
            one.shown_as = None
        if self._clock() - one.told_s < TOLD_EVERY_S:
            return
        one.told_s = self._clock()
        told = {"row": one.held, "rows": one.begin.shape[0], "columns": one.begin.shape[1]}
        self._tally.event(
            Event(
                kind="scan",
                stream=one.begin.stream,
                frame_id=one.begin.frame_id,
                at=self._utc(),
                data=told,
            )
        )

    def dropped(self, one: Unfinished, reason: str) -> None:
        """The bridge gave up putting it together."""
        self._tally.count(f"rows:dropped:{reason}")
        if one.shown_as is not None:
            self.over(one.begin.stream)

    def over(self, stream: str) -> None:
        """The frame is stored: whoever wants its pixels gets them there."""
        self._try(lambda: self._store.scan_over(stream))

    def _try(self, step: Callable[[], R]) -> R | None:
        if self._clock() < self._back_s:
            return None
        try:
            return step()
        except ParetoscopeError as error:
            log.info("a running scan is not shown: %s", error)
            self._tally.count(f"rows:not-shown:{error.code}")
            self._back_s = self._clock() + PAUSE_S
            return None
