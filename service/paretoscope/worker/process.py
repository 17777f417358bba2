"""The worker process: one frame at a time, beside it choices and the rows of running scans, until SIGTERM."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

import structlog

from paretoscope import __version__
from paretoscope.adapters import logs
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import store_url
from paretoscope.core.devices import pick_device
from paretoscope.errors import ParetoscopeError
from paretoscope.gate import Gate
from paretoscope.settings import Settings, load
from paretoscope.worker.choices import ChoiceWorker
from paretoscope.worker.frames import FrameWorker
from paretoscope.worker.patience import Patience
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.rowfeed import RowFeed
from paretoscope.worker.workflow import AtomFinding, Workflow

log = structlog.get_logger(__name__)

SWITCH_S = 0.0005
NAME_VARIABLE = "PARETOSCOPE_WORKER_NAME"
"""Set by the supervisor: a restarted worker that keeps its name gets its unfinished frame back at once."""
CANNOT_START = 2
"""Exit code of a worker for which another start would not help."""


def default_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def run(
    settings: Settings,
    consumer: str,
    stop: threading.Event,
    make_workflow: Callable[[str], Workflow] = AtomFinding,
) -> None:
    """Work until `stop`. Raises BadParameters for a device that is not here."""
    # Searches are Python between short array operations; a thread that answers a pick beside one would wait
    # 5 ms, the default, each time it needs the interpreter.
    sys.setswitchinterval(SWITCH_S)
    store = Store.open(store_url(settings), settings.limits)
    pulse = Pulse(store, consumer).start()
    try:
        device = pick_device(settings.device)
        pulse.device = device
        workflow = make_workflow(device)
        pulse.ready = True
        log.info("worker ready", worker=consumer, device=device)
        patience = Patience(stop)
        patience.until_done(store.sweep_consumers)
        gate = Gate()
        rows = RowFeed(store, workflow, pulse, stop)
        frames = FrameWorker(
            store,
            workflow,
            pulse,
            patience,
            consumer,
            device=device,
            version=__version__,
            grown=rows.take,
            gate=gate,
        )
        choices = ChoiceWorker(store, workflow, pulse, patience, consumer, gate)
        beside = [
            threading.Thread(target=choices.run, name="choices", daemon=True),
            threading.Thread(target=rows.run, name="rows", daemon=True),
        ]
        for thread in beside:
            thread.start()
        frames.run()
        for thread in beside:
            thread.join(5.0)
    finally:
        pulse.stop()
        store.close()


def main(make_workflow: Callable[[str], Workflow] = AtomFinding) -> int:
    """Entry of the child process; settings come through the environment."""
    settings = load()
    logs.configure(settings.log_level, settings.log_json)
    stop = threading.Event()
    for sign in (signal.SIGTERM, signal.SIGINT):
        signal.signal(sign, lambda *_: stop.set())
    consumer = os.environ.get(NAME_VARIABLE) or default_name()
    try:
        run(settings, consumer, stop, make_workflow)
    except ParetoscopeError as error:
        log.error("worker cannot start", code=error.code, hint=error.hint)
        return CANNOT_START
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
