"""Outlives this process for a moment: children that its death does not end are killed.

The kernel tells a child when its parent dies (see ``tethered``), but one that hangs or is stopped does not
hear it, and would keep the store's lock and its memory. A small process learns of every child, waits for the
end of this one, gives the children `GRACE_S`, and kills those that are still there. It knows them by
descriptors that the kernel never gives to another process, so that it can hit no stranger.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading

GRACE_S = 5.0
"""How long children may go on after this process, to write what they hold."""

_GUARDIAN = """
import os, select, signal, sys, time
for sign in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(sign, signal.SIG_IGN)
held, told = set(), b""
def wait(until_s, *more):
    ready = select.select([*more, *held], [], [], until_s)[0]
    for one in held.intersection(ready):
        held.discard(one)
        os.close(one)
    return ready
while True:
    if 0 not in wait(None, 0):
        continue
    read = os.read(0, 4096)
    if not read:
        break
    *lines, told = (told + read).split(b"\\n")
    for line in lines:
        try:
            one = os.pidfd_open(int(line))
            with open(f"/proc/{int(line)}/stat") as stat:
                child = int(stat.read().rpartition(")")[2].split()[1]) == os.getppid()
        except OSError:  # it has ended already
            continue
        held.add(one) if child else os.close(one)
end_s = time.monotonic() + float(sys.argv[1])
while held and time.monotonic() < end_s:
    wait(max(0.0, end_s - time.monotonic()))
for one in held:
    try:
        signal.pidfd_send_signal(one, signal.SIGKILL)
    except OSError:
        pass
"""


class _Guardian:
    """One for this process, there while somebody has children to watch; does nothing but on Linux."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._users = 0

    def join(self) -> None:
        """There will be children to watch, until `leave`."""
        with self._lock:
            self._users += 1

    def watch(self, pid: int) -> None:
        """A child of this process was started."""
        if sys.platform != "linux":
            return
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _GUARDIAN, str(GRACE_S)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            assert self._process.stdin is not None
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(b"%d\n" % pid)
                self._process.stdin.flush()

    def leave(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._process is not None:
                process, self._process = self._process, None
                assert process.stdin is not None
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.close()
                process.wait(GRACE_S + 5.0)


GUARDIAN = _Guardian()
