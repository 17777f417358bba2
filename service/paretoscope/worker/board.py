"""What a worker's process shows to the one that watches it: numbers in memory that both have.

    ready_at | sign_at | tick_at | told | until: frame, choice | names: frame, choice

Each number is written by one side only and eight bytes wide, so there is no lock that a process could die or
stop with. Times are those of the machine's monotonic clock, which is the same in every process.
"""

from __future__ import annotations

import mmap
import threading
import time

SIZE = mmap.PAGESIZE
SIGN_S = 0.1
"""A thread that does nothing else shows so often that the interpreter still runs."""
IDLE_S = 15.0
"""How long the thread that computes may come no step further without a frame in hand: longer than the store
may take over one answer."""
FRAME, CHOICE = 0, 1
_READY, _SIGN, _TICK, _TOLD, _UNTIL = 0, 1, 2, 3, 4
_NAMES, _NAME_BYTES = 256, 256


class Board:
    """descriptor: of a file of `SIZE` bytes, by which a process that was not forked gets it too."""

    def __init__(self, descriptor: int = -1) -> None:
        self._memory = mmap.mmap(descriptor, SIZE)
        self._numbers = memoryview(self._memory).cast("d")

    def clear(self) -> None:
        """For the next process; what its libraries need to start counts from now."""
        self._memory[:] = bytes(SIZE)
        self.sign()
        self.tick()

    def sign(self) -> None:
        self._numbers[_SIGN] = time.monotonic()

    def sign_always(self) -> None:
        """Start the thread that shows that the interpreter runs; it ends with the process."""

        def run() -> None:
            while True:
                self.sign()
                time.sleep(SIGN_S)

        threading.Thread(target=run, name="signs of life", daemon=True).start()

    def tick(self) -> None:
        """The thread that computes has come a step further."""
        self._numbers[_TICK] = time.monotonic()

    def tick_age_s(self) -> float:
        return time.monotonic() - self._numbers[_TICK]

    def set_ready(self) -> None:
        self._numbers[_READY] = time.monotonic()

    @property
    def ready(self) -> bool:
        return self._numbers[_READY] > 0.0

    def hold(self, place: int, name: str, until_s: float) -> None:
        """This work is in hand and must be done by `until_s`."""
        start = _NAMES + place * _NAME_BYTES
        self._memory[start : start + _NAME_BYTES] = name.encode()[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")
        self._numbers[_UNTIL + place] = until_s

    def grant(self, place: int, seconds: float) -> None:
        """More time for what is in hand there, if anything."""
        if self._numbers[_UNTIL + place]:
            self._numbers[_UNTIL + place] += seconds

    def drop(self, place: int) -> None:
        self._numbers[_UNTIL + place] = 0.0

    def held(self, place: int) -> str:
        """What is in hand there; '' = nothing."""
        if not self._numbers[_UNTIL + place]:
            return ""
        start = _NAMES + place * _NAME_BYTES
        return self._memory[start : start + _NAME_BYTES].rstrip(b"\0").decode()

    def count_told(self) -> None:
        """One more end of an earlier process has been told to the store."""
        self._numbers[_TOLD] += 1

    @property
    def told(self) -> int:
        return int(self._numbers[_TOLD])

    def trouble(self, silent_s: float, start_s: float) -> str:
        """Why this process must be taken to hang, in words; '' while it need not be.

        silent_s, start_s: how long the process may make no move at all, when it is ready and before.
        """
        now = time.monotonic()
        for place in (FRAME, CHOICE):
            until = self._numbers[_UNTIL + place]
            if until and now > until:
                return f"{self.held(place)} is {now - until:.1f} s beyond its limit"
        if self.ready and not self._numbers[_UNTIL + FRAME] and now - self._numbers[_TICK] > IDLE_S:
            return f"no step forward for {now - self._numbers[_TICK]:.1f} s, and no frame in hand"
        silent = now - self._numbers[_SIGN]
        if silent > (silent_s if self.ready else start_s):
            return f"no move for {silent:.1f} s: stopped, or held inside one call"
        return ""
