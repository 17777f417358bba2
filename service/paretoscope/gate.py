"""Lets short work go first where long work shares a process with it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

MOST_S = 0.4
"""How long one piece of urgent work can hold up the long one."""


class Gate:
    """Somebody waits for an answer beside a search that takes all there is of the interpreter.

    The urgent side enters; the long side looks in between its steps (`Deadline.give_way`) and waits while
    somebody is inside, for `MOST_S` seconds after they entered and for no longer than its deadline leaves.
    """

    def __init__(self, most_s: float = MOST_S) -> None:
        self._most_s = most_s
        self._inside: dict[object, float] = {}
        self._changed = threading.Condition()
        self.waited_s = 0.0
        """In all, by the long side."""

    @contextmanager
    def entered(self) -> Iterator[None]:
        key = object()
        with self._changed:
            self._inside[key] = time.monotonic() + self._most_s
        try:
            yield
        finally:
            with self._changed:
                del self._inside[key]
                self._changed.notify_all()

    def give_way(self, left_s: float) -> None:
        """Wait while somebody is inside, `left_s` seconds at most."""
        if not self._inside:
            return
        begun = time.monotonic()
        with self._changed:
            while self._inside:
                until = min(max(self._inside.values()), begun + left_s)
                if not (remaining := until - time.monotonic()) > 0.0:
                    break
                self._changed.wait(remaining)
        self.waited_s += time.monotonic() - begun
