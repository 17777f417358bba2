"""One instrument's process: it ends with this one, and its last lines are kept."""

from __future__ import annotations

import contextlib
import subprocess
import threading
from collections import deque
from collections.abc import Mapping, Sequence

from paretoscope.adapters.guardian import GUARDIAN
from paretoscope.adapters.tethered import tethered_command

LINES = 20
LINE_CHARACTERS = 400


class Child:
    """Started at once, never again. The thread that makes it must live as long as it does (the tether is
    that thread's)."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        self._lines: deque[str] = deque(maxlen=LINES)
        self._process = subprocess.Popen(
            tethered_command(command),
            env=None if environment is None else dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for the parent, which stops its children in order.
        )
        GUARDIAN.watch(self.pid)
        self._reader = threading.Thread(target=self._read, name=f"lines of {self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def poll(self) -> int | None:
        """Exit code, None while it runs."""
        return self._process.poll()

    def lines(self, wait_s: float = 0.0) -> list[str]:
        """The last lines it wrote; waits for all of them where it has ended."""
        self._reader.join(wait_s)
        return list(self._lines)

    def tell(self) -> None:
        """Ask it to end; does not wait."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def wait(self, limit_s: float) -> bool:
        """Whether it has ended within `limit_s`."""
        try:
            self._process.wait(limit_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in iter(lambda: output.readline(LINE_CHARACTERS), ""):
                if text := line.rstrip():
                    self._lines.append(text)
