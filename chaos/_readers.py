"""Readers over REST that must come through every fault: one follows the events, one polls for the newest."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from types import TracebackType

from chaos.stage import until
from paretoscope.errors import ParetoscopeError
from paretoscope_client import Client

CLOSING = ("result", "fault", "drop")


class Readers:
    """Each is one ``paretoscope_client.Client`` and is never restarted by the trial."""

    def __init__(self, url: str, stream: str) -> None:
        self._url = url
        self._stream = stream
        self._threads = [threading.Thread(target=run, daemon=True) for run in (self._listen, self._poll)]
        self._leave = threading.Event()
        self.heard: Counter[str] = Counter()
        """Ends of frames, as the event stream told them."""
        self.polled: list[str] = []
        self.heard_s = self.polled_s = time.monotonic()
        """When each last got something, monotonic clock, s."""
        self.broke: list[str] = []
        """Errors that a reader's program saw: a client that goes on by itself shows none."""

    def __enter__(self) -> Readers:
        for thread in self._threads:
            thread.start()
        return self

    def _listen(self) -> None:
        try:
            with Client(self._url, timeout_s=10.0) as client:
                for event in client.events(self._stream, after="0"):
                    self.heard_s = time.monotonic()
                    if event.kind in CLOSING and event.frame_id is not None:
                        self.heard[event.frame_id] += 1
                    if self._leave.is_set():
                        return
        except ParetoscopeError as error:
            self.broke.append(f"listener: {error}")

    def _poll(self) -> None:
        try:
            with Client(self._url, timeout_s=10.0) as client:
                for result in client.results(self._stream, unfit="pass", include_current=True, wait_s=5.0):
                    self.polled_s = time.monotonic()
                    self.polled.append(result.frame_id)
                    if self._leave.is_set():
                        return
        except ParetoscopeError as error:
            self.broke.append(f"poller: {error}")

    def settle(self, frames: list[str], patience_s: float = 60.0) -> tuple[list[str], list[str]]:
        """Wait for these frames' ends; (those never heard of, those heard of or polled more than once)."""
        with contextlib.suppress(TimeoutError):  # What is missing is told.
            until(lambda: all(one in self.heard for one in frames), "the listener", patience_s, 0.05)
        polled = Counter(self.polled)
        doubled = {one for one in frames if self.heard[one] > 1} | {one for one in polled if polled[one] > 1}
        return [one for one in frames if one not in self.heard], sorted(doubled)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave.set()  # They leave with the next thing they get, or end with this process.
