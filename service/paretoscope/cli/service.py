"""The whole service in one go: store, bridge, workers and API, started in order and stopped in reverse.

this process            store (embedded, child process, unless REDIS_URL)
  bridge (thread)  <──  frames over ZeroMQ
  supervisor       ──>  worker child processes (torch)
  socket           ──>  API child process (no torch)
  instruments      ──>  simulator, replay or microscope client, when somebody wants one
"""

from __future__ import annotations

import os
import sys
import threading
from contextlib import ExitStack
from types import TracebackType

import structlog

from paretoscope.adapters.api_keys import check_reach
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import launch
from paretoscope.adapters.tethered import Kept
from paretoscope.api.process import SOCKET_VARIABLE
from paretoscope.api.server import listen
from paretoscope.bridge import Bridge
from paretoscope.bridge.security import check_address
from paretoscope.errors import ParetoscopeError, StoreDown
from paretoscope.instruments import Reconciler, catalogue
from paretoscope.settings import Settings
from paretoscope.worker.supervisor import Supervisor

log = structlog.get_logger(__name__)

API_COMMAND = (sys.executable, "-m", "paretoscope.api.process")


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
        self._bridge_broke: BaseException | None = None
        self._stop_bridge = threading.Event()
        self._supervisor: Supervisor | None = None
        self.frames_address = ""
        self.url = ""

    def __enter__(self) -> Service:
        with ExitStack() as stack:
            settings = self._settings
            self._check_reach()
            bound = None
            if self._with_api:  # The ports first: taken ones must be told before a store is started.
                bound = stack.enter_context(listen(settings.http_host, settings.http_port))
            store_url, embedded = launch(settings)
            if embedded is not None:
                stack.callback(embedded.stop)
            self.store = stack.enter_context(Store.open(store_url, settings.limits))
            if bound is not None:
                bound.listen(128)
                port = bound.getsockname()[1]
                shown = "127.0.0.1" if settings.http_host == "0.0.0.0" else settings.http_host
                self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{port}"
                stack.callback(self._start_api(bound.fileno()).stop)
            if self._workers:
                self._supervisor = stack.enter_context(Supervisor(settings, workers=self._workers))
            if self._with_bridge:
                self._start_bridge(stack)
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

    def _start_api(self, descriptor: int) -> Kept:
        environment = os.environ | self._settings.environment() | {SOCKET_VARIABLE: str(descriptor)}
        return Kept(API_COMMAND, environment=environment, pass_fds=(descriptor,)).start()

    def _start_bridge(self, stack: ExitStack) -> None:
        bridge = Bridge(self.store, self._settings)
        self.frames_address = bridge.bind()
        thread = threading.Thread(target=self._run_bridge, args=(bridge,), name="bridge", daemon=True)
        thread.start()

        def stop() -> None:
            self._stop_bridge.set()
            thread.join(10.0)

        stack.callback(stop)

    def _run_bridge(self, bridge: Bridge) -> None:
        try:
            bridge.run(self._stop_bridge)
        except BaseException as error:
            log.exception("the bridge broke")
            self._bridge_broke = error

    def check(self) -> None:
        """Raises ServiceFailed when a part ended that will not come back."""
        if self._supervisor is not None and self._supervisor.gave_up:
            raise ServiceFailed(hint="The worker cannot start; the log line above says why.")
        if self._bridge_broke is not None:
            raise ServiceFailed(hint=f"The bridge broke: {self._bridge_broke}. See the log.")

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


def _reachable(address: str) -> str:
    """Where a program on this machine reaches what listens on `address`."""
    return (
        address.replace("//0.0.0.0:", "//127.0.0.1:")
        .replace("//*:", "//127.0.0.1:")
        .replace("//[::]:", "//[::1]:")
    )
