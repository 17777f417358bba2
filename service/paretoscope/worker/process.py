"""The worker's working process: one frame at a time, beside it choices and the rows of running scans."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from paretoscope import __version__
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import store_url
from paretoscope.adapters.store.records import WorkerEnd
from paretoscope.adapters.trim import keep_trimmed
from paretoscope.core.devices import pick_device
from paretoscope.gate import Gate
from paretoscope.settings import Settings
from paretoscope.worker.board import Board
from paretoscope.worker.choices import ChoiceWorker
from paretoscope.worker.frames import FrameWorker
from paretoscope.worker.patience import Patience, Stopped
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.rowfeed import RowFeed
from paretoscope.worker.workflow import Workflow

log = structlog.get_logger(__name__)

SWITCH_S = 0.0005


@dataclass(frozen=True)
class End:
    """How a process that worked here before came to its end."""

    how: WorkerEnd
    exit_code: int
    frame_id: str = ""
    """What it held; '' = nothing."""


@dataclass(frozen=True)
class Ready:
    """What frames are worked with."""

    device: str
    workflow: Workflow


def prepare(settings: Settings, make_workflow: Callable[[str], Workflow]) -> Ready:
    """Load and rehearse: seconds. Raises BadParameters for a device that is not here."""
    device = pick_device(settings.device)
    return Ready(device, make_workflow(device))


def run(
    settings: Settings,
    consumer: str,
    stop: threading.Event,
    prepared: Callable[[], Ready],
    board: Board,
    ends: Sequence[End] = (),
) -> None:
    """Work until `stop`. ends: of earlier processes, for the store to know first.

    Raises what `prepared` raises, and DeviceFailed when the device stops computing.
    """
    # Searches are Python between short array operations; a thread that answers a pick beside one would wait
    # 5 ms, the default, each time it needs the interpreter.
    sys.setswitchinterval(SWITCH_S)
    board.sign_always()
    store = Store.open(store_url(settings), settings.limits)
    pulse = Pulse(store, consumer, board).start()
    patience = Patience(stop, waited=pulse.waited)
    try:
        for end in ends:
            patience.until_done(lambda end=end: tell(store, consumer, end))
            board.count_told()
        ready = prepared()
        pulse.device = ready.device
        pulse.checked(ready.workflow.check)
        pulse.set_ready()
        board.set_ready()
        log.info("worker ready", worker=consumer, device=ready.device)
        keep_trimmed(stop)
        patience.until_done(store.sweep_consumers)
        gate = Gate()
        rows = RowFeed(store, ready.workflow, pulse, stop)
        frames = FrameWorker(
            store,
            ready.workflow,
            pulse,
            patience,
            consumer,
            device=ready.device,
            version=__version__,
            grown=rows.take,
            gate=gate,
        )
        choices = ChoiceWorker(store, ready.workflow, pulse, patience, consumer, gate)
        beside = [
            threading.Thread(target=choices.run, name="choices", daemon=True),
            threading.Thread(target=rows.run, name="rows", daemon=True),
        ]
        for thread in beside:
            thread.start()
        frames.run()
        for thread in beside:
            thread.join(5.0)
    except Stopped:
        return
    finally:
        pulse.stop()
        store.close()


def tell(store: Store, consumer: str, end: End) -> None:
    store.worker_ended(consumer, end.how, exit_code=end.exit_code, frame_id=end.frame_id)
