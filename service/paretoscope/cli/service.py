"""The whole service in one go: store, bridge, workers and API, started in order and stopped in reverse.

this process       store (embedded, child process, unless REDIS_URL)
  socket      ──>  bridge child process: frames over ZeroMQ
  socket      ──>  API child process (no torch)
  supervisor  ──>  worker child processes (torch)
  instruments ──>  simulator, replay or microscope client, when somebody wants one

A child that ends by itself, or hangs, is counted, told and started again; the sockets are held here, so its
clients find it where it was.
"""

from __future__ import annotations

import functools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType

import structlog

from paretoscope.adapters import listening
from paretoscope.adapters.api_keys import check_reach
from paretoscope.adapters.store import Store, utc_now, utc_text
from paretoscope.adapters.store.launch import launch
from paretoscope.adapters.tethered import Kept
from paretoscope.adapters.trim import lean_environment
from paretoscope.bridge.security import check_address, own_keys
from paretoscope.bridge.tally import Tally
from paretoscope.cli.watch import Pulse, Watch, Watched, api_answers
from paretoscope.contract import Event
from paretoscope.errors import ParetoscopeError, StoreDown
from paretoscope.instruments import Reconciler, catalogue
from paretoscope.settings import Settings
from paretoscope.worker.supervisor import Supervisor

log = structlog.get_logger(__name__)

PORT_PATIENCE_S = 1.0
"""A service that was killed a moment ago may not have let go of its ports yet."""
STEADY_S, LONGEST_PAUSE_S = 1.0, 2.0
"""Bridge and API are started again at once; only one that ends sooner than this is held back, and so long."""
STOP_S = 8.0
"""How long both may take to end before they are killed."""


class ServiceFailed(ParetoscopeError):
    """A part of the service ended for good."""

    default_code = "service-failed"


class Service:
    """A context manager; raises AddressInUse, StoreDown or BadParameters before anything serves."""

    def __init__(
        self, settings: Settings, *, workers: int = 1, bridge: bool = True, api: bool = True
    ) -> None:
        self._settings = settings
        self._workers = workers
        self._with_bridge = bridge
        self._with_api = api
        self._stack = ExitStack()
        self._deaths = threading.Lock()
        self._doors: list[Kept] = []
        """Bridge and API."""
        self._supervisor: Supervisor | None = None
        self.frames_address = ""
        self.url = ""

    def __enter__(self) -> Service:
        with ExitStack() as stack:
            settings = self._settings
            self._check_reach()
            # The ports first: taken ones must be told before a store is started.
            http, frames = self._ports(stack)
            store_url, embedded = launch(settings)
            if embedded is not None:
                stack.callback(embedded.stop)
            self.store = stack.enter_context(Store.open(store_url, settings.limits))
            if embedded is not None:
                self.store.forget_signs()  # of a service that was killed: nobody else runs on this folder
            self._told = Tally(self.store, lambda: utc_text(utc_now()))
            pulse = stack.enter_context(Pulse())
            stack.callback(self._close_doors)
            watched = []
            if self._with_bridge:
                held = {listening.BRIDGE_PULSE: pulse.write}
                if frames is not None:
                    held[listening.BRIDGE_SOCKET] = frames.fileno()
                self._doors.append(self._start("bridge", held))
                watched.append(Watched("bridge", self._doors[-1], pulse.felt))
            if http is not None:
                http.listen(listening.BACKLOG)
                self._doors.append(self._start("api", {listening.API_SOCKET: http.fileno()}))
                watched.append(Watched("api", self._doors[-1], api_answers(*_near(http))))
            stack.enter_context(Watch(watched))
            if self._workers:
                self._supervisor = stack.enter_context(Supervisor(settings, workers=self._workers))
            if settings.instruments.enabled:
                address = _reachable(self.frames_address or settings.frames)
                stack.enter_context(Reconciler(self.store, catalogue(settings), address))
            self._stack = stack.pop_all()
        return self

    def _check_reach(self) -> None:
        """Whoever can reach us from another machine needs keys: told before anything is started."""
        if self._with_api:
            check_reach(self._settings.http_host, self._settings.api_keys_file)
        if self._with_bridge:
            check_address(self._settings.frames, self._settings.frames_keys)
            if self._settings.frames_keys is not None:
                own_keys(self._settings.frames_keys)

    def _ports(self, stack: ExitStack) -> tuple[socket.socket | None, socket.socket | None]:
        """Of API and bridge, held as long as this service; None where there is none to hold."""
        settings, http, frames = self._settings, None, None
        if self._with_api:
            bound = listening.for_http(settings.http_host, settings.http_port, PORT_PATIENCE_S)
            http = stack.enter_context(bound)
            shown = "127.0.0.1" if settings.http_host == "0.0.0.0" else settings.http_host
            self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{http.getsockname()[1]}"
        if self._with_bridge:
            self.frames_address = settings.frames
            if settings.frames.startswith("tcp://"):
                frames = stack.enter_context(listening.for_frames(settings.frames, PORT_PATIENCE_S))
                self.frames_address = listening.written(frames)
        return http, frames

    def _start(self, part: str, held: Mapping[str, int]) -> Kept:
        """A child process, ``paretoscope.<part>.process``, that is told of descriptors held here."""
        told = {variable: str(descriptor) for variable, descriptor in held.items()}
        return Kept(
            (sys.executable, "-m", f"paretoscope.{part}.process"),
            environment=os.environ | lean_environment() | self._settings.environment() | told,
            pass_fds=tuple(held.values()),
            died=functools.partial(self._died, part),
            steady_s=STEADY_S,
            longest_pause_s=LONGEST_PAUSE_S,
            orphaned=signal.SIGKILL,  # All they hold is in the store; a hung one would keep the ports.
        ).start()

    def _close_doors(self) -> None:
        until_s = time.monotonic() + STOP_S
        for kept in self._doors:
            kept.tell()
        for kept in self._doors:
            kept.stop(max(0.0, until_s - time.monotonic()))

    def _died(self, part: str, code: int) -> None:
        """Count and tell it, now or when the store is back."""
        log.error("part of the service died", part=part, exit_code=code)
        data = {"part": part, "exit_code": code, "state": "died"}
        with self._deaths:
            self._told.count(f"{part}s:died")
            self._told.event(Event(kind="part", at=utc_text(utc_now()), data=data))
            self._told.flush()

    def check(self) -> None:
        """Raises ServiceFailed when a part ended that will not come back; call it now and then."""
        if self._supervisor is not None and self._supervisor.gave_up:
            raise ServiceFailed(hint="The worker cannot start; the log line above says why.")
        if self._told.waiting:
            with self._deaths:
                self._told.flush()

    def ready(self) -> bool:
        """Whether a worker is warm and waits for frames."""
        try:
            return any(beat.state in ("ready", "working") for beat in self.store.workers())
        except StoreDown:
            return False

    def wait(self, stop: threading.Event) -> None:
        """Serve until `stop`. Raises ServiceFailed."""
        while not stop.wait(0.5):
            self.check()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()


def _near(listening_at: socket.socket) -> tuple[str, int]:
    """Host and port by which this machine reaches it."""
    host, port = listening_at.getsockname()[:2]
    return str({"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)), int(port)


def _reachable(address: str) -> str:
    """Where a program on this machine reaches what listens on `address`."""
    return (
        address.replace("//0.0.0.0:", "//127.0.0.1:")
        .replace("//*:", "//127.0.0.1:")
        .replace("//[::]:", "//[::1]:")
    )
