"""A worker that hangs is killed from outside, replaced, and its frame handed out again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from paretoscope.adapters.store import ChoiceClaim, Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.api import create_app
from paretoscope.api.server import ApiServer
from paretoscope.contract import Choice, Fault, StreamPolicy
from paretoscope.settings import Limits, Settings
from paretoscope.worker.board import CHOICE, FRAME, Board
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.supervisor import Supervisor
from store.helpers import frame
from worker.test_worker_process import CHILD, results, settings, until  # noqa: F401


@pytest.fixture
def impatient(settings: Settings) -> Settings:  # noqa: F811
    limits = settings.limits.model_copy(update={"hang_s": 0.5, "silent_s": 1.0, "drain_s": 1.0})
    return settings.model_copy(update={"limits": limits})


@pytest.fixture
def started(impatient: Settings) -> Iterator[tuple[Store, Supervisor]]:
    with (
        EmbeddedStore(impatient.data) as server,
        Store.open(server.url, impatient.limits) as store,
        Supervisor(impatient, command=CHILD) as supervisor,
    ):
        store.set_policy("stem", StreamPolicy(deadline_s=0.3))
        until(lambda: [beat.state for beat in store.workers()] == ["ready"])
        yield store, supervisor


@pytest.mark.parametrize("manner", ["spin", "sleep", "stopped"])
def test_a_frame_that_hangs_its_workers_is_a_dead_letter_and_the_next_one_is_worked(
    started: tuple[Store, Supervisor], manner: str
) -> None:
    store, supervisor = started
    header, pixels = frame(0, note=manner)
    store.put_frame(header, pixels)
    store.put_frame(*frame(1))
    until(lambda: len(results(store)) == 1)
    assert results(store) == ["stem-e1-000001"]
    fault = store.document(header.frame_id, Fault)
    assert fault is not None
    assert fault.code == "worker-hung"
    assert "0 died and 3 hung" in fault.hint
    (letter,) = store.dead_letters()
    assert (letter.frame_id, letter.deliveries, letter.fault.code) == (header.frame_id, 3, "worker-hung")
    counted = store.counters()
    assert (counted["workers:hung"], counted.get("workers:died", 0)) == (3, 0)
    told = [event.data for _, event in store.read_events("0", count=1000) if event.kind == "worker"]
    assert {(one["state"], one["frame_id"]) for one in told} == {("hung", header.frame_id)}
    assert supervisor.restarts == 0
    with ApiServer(create_app(store)) as api, httpx.Client(base_url=api.url, trust_env=False) as http:
        assert http.get("/v1/dead-letters").json()["letters"][0]["code"] == "worker-hung"
        assert 'paretoscope_counted_total{what="workers:hung"} 3.0' in http.get("/metrics").text


def test_a_hung_choice_does_not_hold_up_frames_for_ever(server: EmbeddedStore) -> None:
    with Store.open(server.url, Limits(hang_s=5.0)) as store:
        pulse = Pulse(store, "w")
        choice = Choice(frame_id="stem-e1-000000", stream="stem", point=0)
        claim = ChoiceClaim(choice_id="c1", choice=choice, entry="1-1", deliveries=1)
        pulse.board.clear()
        with pulse.holding(claim, -1.0):
            assert "choice c1" in pulse.board.trouble(10.0, 10.0)
        assert pulse.board.trouble(10.0, 10.0) == ""


def test_the_board_tells_what_hangs_and_what_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    board = Board()
    board.clear()
    now = time.monotonic()
    assert board.trouble(10.0, 10.0) == ""
    board.hold(FRAME, "stem-e1-000007", now - 1.0)
    board.hold(CHOICE, "choice c", now + 100.0)
    assert board.held(FRAME) == "stem-e1-000007"
    assert "stem-e1-000007" in board.trouble(10.0, 10.0)
    board.grant(FRAME, 60.0)  # it waited for the store
    assert board.trouble(10.0, 10.0) == ""
    board.drop(FRAME)
    assert board.held(FRAME) == ""
    assert "no move" in board.trouble(silent_s=10.0, start_s=-1.0)
    board.set_ready()
    assert board.trouble(silent_s=10.0, start_s=-1.0) == ""
    assert "no move" in board.trouble(silent_s=-1.0, start_s=10.0)
    monkeypatch.setattr("paretoscope.worker.board.IDLE_S", -1.0)
    assert "no frame in hand" in board.trouble(10.0, 10.0)
    board.hold(FRAME, "stem-e1-000008", now + 100.0)
    assert board.trouble(10.0, 10.0) == "", "a frame has a limit of its own"
    board.drop(FRAME)
    board.grant(FRAME, 60.0)
    assert board.held(FRAME) == "", "nothing is in hand, so nothing is granted"


def test_told_to_stop_a_worker_finishes_its_frame_when_it_can(
    started: tuple[Store, Supervisor],
) -> None:
    store, supervisor = started
    header, pixels = frame(0, note="slow")  # 0.5 s
    store.put_frame(header, pixels)
    until(lambda: store.state(header.frame_id) == "working")
    supervisor.stop()
    assert supervisor.exit_codes() == [0]
    assert store.state(header.frame_id) == "done"


@pytest.mark.parametrize("manner", ["hold", "stopped", "spin"])
def test_told_to_stop_it_hands_over_at_the_limit_what_it_cannot_finish(
    impatient: Settings, manner: str, tmp_path: Path
) -> None:
    patient = impatient.model_copy(
        update={"limits": impatient.limits.model_copy(update={"hang_s": 60.0, "silent_s": 60.0})}
    )
    with EmbeddedStore(patient.data) as server, Store.open(server.url, patient.limits) as store:
        supervisor = Supervisor(patient, command=CHILD).start()
        header, pixels = frame(0, note=f"hold:{tmp_path}/never" if manner == "hold" else manner)
        store.put_frame(header, pixels)
        until(lambda: store.state(header.frame_id) == "working")
        (beat,) = store.workers()
        begun = time.monotonic()
        supervisor.stop()
        assert time.monotonic() - begun < patient.limits.drain_s + 2.5
        assert supervisor.exit_codes() == [0]
        assert not psutil.pid_exists(beat.pid)
        claim = store.claim_frame("another")
        assert claim is not None
        assert (claim.frame_id, claim.deliveries) == (header.frame_id, 1), "a stop is no fault of the frame"


def test_nothing_outlives_a_standby_that_is_killed(started: tuple[Store, Supervisor]) -> None:
    store, supervisor = started
    (standby,), (beat,) = supervisor.pids, store.workers()
    assert standby is not None
    assert psutil.Process(beat.pid).ppid() == standby
    header, pixels = frame(0, note="stopped")
    store.put_frame(header, pixels)
    until(lambda: psutil.Process(beat.pid).status() == psutil.STATUS_STOPPED)
    os.kill(standby, signal.SIGKILL)
    until(lambda: store.claim_frame("another") is not None, patience_s=5.0)  # well before the 10 s of silence
    until(lambda: not psutil.pid_exists(beat.pid), patience_s=5.0)
    until(lambda: store.counters().get("workers:died") == 1)


def test_processes_that_cannot_be_forked_are_spawned_and_watched_too(
    impatient: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEEP_A_THREAD", "1")
    with (
        EmbeddedStore(impatient.data) as server,
        Store.open(server.url, impatient.limits) as store,
        Supervisor(impatient, command=CHILD) as supervisor,
    ):
        until(lambda: [beat.state for beat in store.workers()] == ["ready"])
        (first,), (standby,) = store.workers(), supervisor.pids
        assert standby is not None
        os.kill(first.pid, signal.SIGKILL)
        header, pixels = frame(0, note="stopped")
        store.set_policy("stem", StreamPolicy(deadline_s=0.3))
        store.put_frame(header, pixels)
        until(lambda: store.counters().get("workers:hung") == 1)
        assert store.counters()["workers:died"] == 1
        assert supervisor.restarts == 0
        (last,) = psutil.Process(standby).children()
        os.kill(standby, signal.SIGKILL)
        until(lambda: not psutil.pid_exists(last.pid), patience_s=5.0)


def test_a_device_that_fails_takes_no_frame_until_it_computes_again(
    impatient: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "broken"
    broken.touch()
    monkeypatch.setenv("BROKEN_DEVICE", str(broken))
    with (
        EmbeddedStore(impatient.data) as server,
        Store.open(server.url, impatient.limits) as store,
        Supervisor(impatient, command=CHILD),
    ):
        header, pixels = frame(0)
        store.put_frame(header, pixels)
        until(lambda: any("broken" in beat.kernel_error for beat in store.workers()))
        until(lambda: store.counters().get("workers:died", 0) >= 2)
        assert store.state(header.frame_id) == "queued"
        broken.unlink()
        until(lambda: store.state(header.frame_id) == "done")
        until(lambda: [(beat.state, beat.kernel_error) for beat in store.workers()] == [("ready", "")])
        (beat,) = store.workers()
        assert beat.kernel_ms is not None
