from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import AtomMap, Choice, Fault
from paretoscope.core.devices import pick_device
from paretoscope.errors import BadParameters, StoreDown
from paretoscope.settings import Settings, load
from paretoscope.worker.supervisor import Supervisor
from store.helpers import frame
from worker import fakes

CHILD = (sys.executable, fakes.__file__)


def until(true: Callable[[], object], patience_s: float = 60.0) -> None:
    for _ in range(int(patience_s / 0.05)):
        try:
            if true():
                return
        except StoreDown:
            pass
        threading.Event().wait(0.05)
    raise AssertionError("it never came true")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.delenv("REDIS_URL", raising=False)
    root = Path(__file__).resolve().parents[2]
    path = [root / "service", root / "tests", os.environ.get("PYTHONPATH", "")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, path)))
    return load(data=tmp_path / "data", device="cpu", durability="always", log_level="warning")


@pytest.fixture
def running(settings: Settings) -> Iterator[tuple[EmbeddedStore, Store, Supervisor]]:
    with (
        EmbeddedStore(settings.data, durability="always") as server,
        Store.open(server.url, settings.limits) as store,
        Supervisor(settings, command=CHILD) as supervisor,
    ):
        yield server, store, supervisor


def results(store: Store) -> list[str | None]:
    return [event.frame_id for _, event in store.read_events("0", count=1000) if event.kind == "result"]


def test_a_frame_held_by_a_killed_worker_appears_once(
    running: tuple[EmbeddedStore, Store, Supervisor], tmp_path: Path
) -> None:
    _, store, supervisor = running
    header, pixels = frame(0, note=f"kill-once:{tmp_path}/died")
    store.put_frame(header, pixels)
    store.put_frame(*frame(1))
    until(lambda: len(results(store)) == 2)
    assert results(store) == [header.frame_id, "stem-e1-000001"]
    assert supervisor.restarts == 0, "the standby is there all the time"
    assert store.counters()["workers:died"] == 1
    told = [event.data for _, event in store.read_events("0", count=1000) if event.kind == "worker"]
    assert [(one["state"], one["exit_code"], one["frame_id"]) for one in told] == [
        ("died", -signal.SIGKILL, header.frame_id)
    ]
    atoms = store.document(header.frame_id, AtomMap)
    assert atoms is not None
    assert atoms.count == 3


def test_a_worker_waits_for_a_store_that_went_away_and_loses_nothing(
    running: tuple[EmbeddedStore, Store, Supervisor],
) -> None:
    server, store, supervisor = running
    until(lambda: [beat.state for beat in store.workers()] == ["ready"])
    for sequence in range(6):
        store.put_frame(*frame(sequence))
        if sequence in (2, 4):
            pid = server.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            until(lambda before=pid: server.pid not in (None, before) and store.ping())
    until(lambda: len(results(store)) == 6)
    assert sorted(filter(None, results(store))) == [f"stem-e1-{n:06d}" for n in range(6)]
    assert supervisor.restarts == 0


def test_a_frame_that_kills_every_worker_is_given_up_and_the_next_one_worked(
    running: tuple[EmbeddedStore, Store, Supervisor],
) -> None:
    _, store, _ = running
    header, pixels = frame(0, note="always-kill")
    store.put_frame(header, pixels)
    store.put_frame(*frame(1))
    until(lambda: len(results(store)) == 1, patience_s=100.0)
    fault = store.document(header.frame_id, Fault)
    assert fault is not None
    assert fault.code == "worker-died"
    (letter,) = store.dead_letters()
    assert (letter.frame_id, letter.deliveries) == (header.frame_id, 3)


def test_a_choice_does_not_wait_for_a_running_analysis(
    running: tuple[EmbeddedStore, Store, Supervisor],
) -> None:
    _, store, _ = running
    first, pixels = frame(0)
    store.put_frame(first, pixels)
    until(lambda: len(results(store)) == 1)
    slow, pixels = frame(1, note="slow")  # sleeps through its whole deadline of 3 s
    store.put_frame(slow, pixels)
    until(lambda: store.state(slow.frame_id) == "working")
    choice_id = store.submit_choice(Choice(frame_id=first.frame_id, stream="stem", point=2))
    assert store.choice_result(choice_id, wait_s=20.0).state == "done"
    assert store.state(slow.frame_id) == "working"


def test_workers_stop_cleanly_when_told(settings: Settings) -> None:
    with EmbeddedStore(settings.data), Supervisor(settings, command=CHILD, workers=1) as supervisor:
        with Store.open(supervisor.url) as store:
            until(lambda: [beat.state for beat in store.workers()] == ["ready"])
        supervisor.stop()
        assert supervisor.exit_codes() == [0]


def test_a_device_that_is_not_here_is_refused() -> None:
    assert pick_device("cpu") == "cpu"
    assert pick_device("auto").partition(":")[0] in ("cpu", "cuda")
    for asked in ("cuda:99", "tpu", "cuda:x"):
        with pytest.raises(BadParameters, match="no-such-device"):
            pick_device(asked)


def test_set_up_rehearses_what_a_worker_does_and_says_so() -> None:
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    module = re.search(r"python -m (paretoscope\.\S*warm)$", makefile, re.MULTILINE)
    assert module, "make prepares nothing"
    done = subprocess.run(
        [sys.executable, "-m", module.group(1)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr
    assert "compiled and rehearsed" in done.stdout
