"""Child processes that die with their parent, and come back when they die alone."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import IO

from paretoscope.adapters.guardian import GUARDIAN

KILLED_S = 5.0
"""How long the kernel may take to end a killed child."""

# Asks the kernel for a signal at the parent's death, then becomes the program. Run in a fresh interpreter
# because code between fork and exec may deadlock a parent that has threads. Where there is no prctl (macOS)
# the program runs untethered.
_LAUNCHER = """
import os, sys
parent, sign = int(sys.argv[1]), int(sys.argv[2])
if sys.platform == "linux":
    import ctypes
    ctypes.CDLL(None).prctl(1, sign, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)
os.execv(sys.argv[3], sys.argv[3:])
"""


def tethered_command(command: Sequence[str], sign: int = signal.SIGTERM) -> list[str]:
    """Wrap `command` (its first item an absolute path) so that it gets `sign` when this process dies.

    The kernel watches the thread that starts the child: it must live as long as the child.
    """
    return [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid()), str(int(sign)), *command]


def die_with(parent: int, sign: int = signal.SIGKILL) -> None:
    """Get `sign` when process `parent`, which has just forked this one, dies; leave at once if it has."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(sign), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


class Kept:
    """A child process kept alive: started again, with growing pauses, whenever it ends by itself; and ended
    with this process, however that ends and whatever state the child is in (see ``guardian``).

    The thread that starts the child also waits for it, because the tether belongs to that thread.
    """

    def __init__(
        self,
        command: Sequence[str] | Callable[[], Sequence[str]],
        *,
        environment: Mapping[str, str] | None = None,
        output: IO[bytes] | int | None = None,
        before: Callable[[], None] | None = None,
        died: Callable[[int], None] | None = None,
        pause_s: float = 0.1,
        longest_pause_s: float = 10.0,
        steady_s: float = 10.0,
        pass_fds: Sequence[int] = (),
        final_codes: Sequence[int] = (),
        orphaned: int = signal.SIGTERM,
    ) -> None:
        """command: or what makes it, asked ahead of each start. before: called ahead of each start. died:
        told the exit code. A child that lived `steady_s` seconds is started again at once; one that did not,
        after a pause that doubles from `pause_s` to `longest_pause_s`. final_codes: exit codes after which
        another start would not help. orphaned: the signal it gets when this process dies."""
        self._command = command if callable(command) else lambda: command
        self._environment = None if environment is None else dict(environment)
        self._output = output
        self._before = before
        self._died = died
        self._pause_s = pause_s
        self._longest_pause_s = longest_pause_s
        self._steady_s = steady_s
        self._pass_fds = tuple(pass_fds)
        self._final_codes = frozenset(final_codes)
        self._orphaned = orphaned
        self._stopping = threading.Event()
        self._started = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._run, name="keep", daemon=True)
        self.restarts = 0
        self.gave_up = False
        """True once the child ended with one of the final codes."""

    def start(self) -> Kept:
        self._thread.start()
        self._started.wait()
        return self

    @property
    def pid(self) -> int | None:
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def poll(self) -> int | None:
        """Exit code of the child that ran last, None while it runs."""
        return self._process.poll() if self._process is not None else None

    def kill(self) -> None:
        """End the child that runs now, as one that hangs; another is started."""
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()

    def tell(self) -> None:
        """Ask the child to end (SIGTERM) and start no other; does not wait."""
        self._stopping.set()
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()

    def stop(self, grace_s: float = 10.0) -> None:
        """Ask the child to end; kill it after `grace_s` seconds."""
        self.tell()
        if self._thread.is_alive():
            self._thread.join(grace_s)  # It waits for the child.
        if self._thread.is_alive() and self._process is not None:
            self._process.kill()
            self._thread.join(KILLED_S)

    def _run(self) -> None:
        GUARDIAN.join()
        try:
            self._keep()
        finally:
            GUARDIAN.leave()

    def _keep(self) -> None:
        pause_s = 0.0
        while not self._stopping.is_set():
            if self._before is not None:
                self._before()
            begun = time.monotonic()
            self._process = subprocess.Popen(
                tethered_command(self._command(), self._orphaned),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                pass_fds=self._pass_fds,
                start_new_session=True,  # Ctrl-C is for the parent, which stops its children in order.
                umask=0o077,  # what the service's parts write is their owner's alone
            )
            GUARDIAN.watch(self._process.pid)
            self._started.set()
            if self._stopping.is_set():  # `tell` came while it was being started.
                self._process.terminate()
            code = self._process.wait()
            if self._stopping.is_set():
                return
            if self._died is not None:
                self._died(code)
            if code in self._final_codes:
                self.gave_up = True
                return
            self.restarts += 1
            steady = time.monotonic() - begun >= self._steady_s
            pause_s = 0.0 if steady else min(2 * pause_s or self._pause_s, self._longest_pause_s)
            self._stopping.wait(pause_s)
