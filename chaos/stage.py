"""A real service to do things to: `paretoscope serve` in a process of its own, on a data folder of its own.

    with Stage() as stage:
        stage.kill("worker")
        stage.pids("bridge")

The ports stay the same over restarts, so that clients can come back. It ends with this process, however this
process ends.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Literal

import httpx
import psutil

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import socket_path
from paretoscope.adapters.tethered import tethered_command
from paretoscope.errors import StoreDown

Part = Literal["supervisor", "store", "bridge", "api", "worker"]

MARKS: dict[str, str] = {
    "store": "valkey-server",
    "bridge": "paretoscope.bridge",
    "api": "paretoscope.api",
    "worker": "paretoscope.worker",
}
"""What the command line of each part contains."""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def until(holds: Callable[[], bool], what: str, patience_s: float = 60.0, every_s: float = 0.01) -> float:
    """Wait; returns how long it took, s. Raises TimeoutError."""
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > patience_s:
            raise TimeoutError(f"waited {patience_s:.0f} s for {what} in vain")
        time.sleep(every_s)
    return time.monotonic() - begun


class Stage:
    def __init__(self, *, workers: int = 1, log_level: str = "error", **settings: str) -> None:
        """settings: as in the environment, without PARETOSCOPE_: durability='always', limits__events='9'."""
        self._workers = workers
        self._settings = settings | {"log_level": log_level}
        self._stack = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self.http_port, self.frames_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.http_port}"
        self.frames = f"tcp://127.0.0.1:{self.frames_port}"
        self.data = Path()

    def __enter__(self) -> Stage:
        with ExitStack() as stack:
            folder = tempfile.TemporaryDirectory(prefix="ps-chaos-", ignore_cleanup_errors=True)
            self.data = Path(stack.enter_context(folder)) / "data"
            stack.callback(self.stop)
            self.start()
            self.wait_ready()
            self._stack = stack.pop_all()
        return self

    @property
    def environment(self) -> dict[str, str]:
        """For `paretoscope` commands beside this service."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
        kept.pop("REDIS_URL", None)
        told = {
            "data": str(self.data),
            "http_port": str(self.http_port),
            "frames": self.frames,
            "instruments__enabled": "false",
        } | self._settings
        return kept | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            **{f"PARETOSCOPE_{name.upper()}": value for name, value in told.items()},
        }

    def start(self) -> None:
        """Start the service (again); returns before it is ready."""
        command = [sys.executable, "-m", "paretoscope", "serve", "--workers", str(self._workers)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                tethered_command(command), env=self.environment, stdout=log, stderr=log
            )

    def wait_ready(self, patience_s: float = 90.0) -> float:
        """Until a worker waits for frames and the API answers; returns how long it took, s."""

        def ready() -> bool:
            if self._process is None or self._process.poll() is not None:
                raise RuntimeError(f"the service ended; it said:\n{self.said()}")
            try:
                return http.get("/readyz").status_code == 200
            except httpx.HTTPError:
                return False

        with httpx.Client(base_url=self.url, timeout=5.0, trust_env=False) as http:
            return until(ready, "the service to be ready", patience_s, 0.05)

    @property
    def log(self) -> Path:
        """What the service prints goes here."""
        return self.data.parent / "serve.log"

    def said(self, lines: int = 30) -> str:
        """The end of what the service printed."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def store(self) -> Store:
        """A connection of the trial's own; the caller closes it."""
        return Store.open(f"unix://{socket_path(self.data)}")

    def processes(self, part: Part) -> list[psutil.Process]:
        """What runs of that part now. Of workers those that compute, not the parents that keep them warm."""
        if self._process is None:
            return []
        try:
            top = psutil.Process(self._process.pid)
            if part == "supervisor":
                return [top]
            below = top.children(recursive=True)
        except psutil.NoSuchProcess:
            return []
        found = [one for one in below if MARKS[part] in " ".join(_command_line(one))]
        parents = {_parent(one) for one in found}
        return [one for one in found if one.pid not in parents]

    def pids(self, part: Part) -> list[int]:
        return [one.pid for one in self.processes(part)]

    def kill(self, part: Part, sign: int = signal.SIGKILL, index: int = 0) -> int:
        """Send it a signal; returns its pid. Raises LookupError where it does not run."""
        pids = self.pids(part)
        if not pids:
            raise LookupError(f"no {part} runs")
        os.kill(pids[index % len(pids)], sign)
        if part == "supervisor" and sign == signal.SIGKILL and self._process is not None:
            self._process.wait()
        return pids[index % len(pids)]

    def rss_mib(self, part: Part) -> float:
        """Resident memory of all processes of that part, MiB."""
        total = 0
        for one in self.processes(part):
            try:
                total += one.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return total / 2**20

    def descriptors(self, part: Part) -> int:
        """Open file descriptors, sockets among them."""
        return sum(one.num_fds() for one in self.processes(part))

    def connections(self, part: Part) -> int:
        """Open TCP sockets, listening ones among them; the store's are of another kind."""
        return sum(len(one.net_connections(kind="tcp")) for one in self.processes(part))

    def stop(self, patience_s: float = 40.0) -> int | None:
        """SIGTERM and wait; returns the exit code. Whatever still runs then is killed."""
        if self._process is None:
            return None
        try:
            left = psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            left = []
        self._process.terminate()
        try:
            return self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            for one in psutil.wait_procs(left, timeout=1.0)[1]:
                one.kill()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _command_line(one: psutil.Process) -> list[str]:
    try:
        return one.cmdline()
    except psutil.Error:
        return []


def _parent(one: psutil.Process) -> int:
    try:
        return one.ppid()
    except psutil.Error:
        return 0


def answers(store: Store) -> bool:
    """Whether the store is there."""
    try:
        store.ping()
    except StoreDown:
        return False
    return True
