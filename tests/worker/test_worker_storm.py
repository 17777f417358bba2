from __future__ import annotations

import os
import random
import signal
from collections import Counter

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.errors import StoreDown
from paretoscope.worker.supervisor import Supervisor
from store.helpers import frame
from worker.test_worker_process import running, settings, until  # noqa: F401


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_no_acknowledged_frame_is_lost_or_worked_twice_in_a_storm_of_kills(
    running: tuple[EmbeddedStore, Store, Supervisor],  # noqa: F811
) -> None:
    server, store, supervisor = running
    dice = random.Random(7)
    acknowledged = []
    for sequence in range(150):
        header, pixels = frame(sequence)
        until(lambda header=header, pixels=pixels: store.put_frame(header, pixels) or True)
        acknowledged.append(header.frame_id)
        if dice.random() < 0.08:
            pid = dice.choice([server.pid, *supervisor.pids])
            if pid is not None:
                os.kill(pid, signal.SIGKILL)

    def events() -> Counter[tuple[str, str | None]]:
        found = store.read_events("0", count=10_000)
        return Counter((event.kind, event.frame_id) for _, event in found)

    def finished() -> bool:
        try:
            return sum(kind in ("result", "fault") for kind, _ in events()) >= len(acknowledged)
        except StoreDown:
            return False

    until(finished, patience_s=200.0)
    told = events()
    assert [told["result", frame_id] + told["fault", frame_id] for frame_id in acknowledged] == [1] * 150
    assert {store.state(frame_id) for frame_id in acknowledged} <= {"done", "failed"}
    assert supervisor.restarts > 0
