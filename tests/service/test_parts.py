"""Parts of the running service are killed: they come back, and clients go on by themselves."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from bridge.running import eventually
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.bridge.security import make_keys
from paretoscope.cli import watch
from paretoscope.cli.service import Service
from paretoscope.contract import Ack
from paretoscope.errors import StoreDown
from paretoscope.settings import Settings, load
from paretoscope_client import Client
from paretoscope_client.sender import FrameSender
from serving import SmallWorker, picture

FRAMES = 7
IMAGE = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


def settings_for(data: Path, **more: object) -> Settings:
    told = {"http_port": 0, "frames": "tcp://127.0.0.1:0", "log_level": "error", "device": "cpu", **more}
    limits = {"backlog_frames": 5000, "history_frames": 5000}
    return load(data=data, instruments={"enabled": False}, limits=limits, **told)


def child_with(mark: str) -> int | None:
    """Of this process's child whose command line has this now."""
    for child in psutil.Process().children(recursive=True):
        try:
            if mark in " ".join(child.cmdline()):
                return child.pid
        except psutil.Error:
            continue
    return None


def pid_of(part: str) -> int | None:
    return child_with(f"paretoscope.{part}.process")


def kill(part: str, sign: signal.Signals = signal.SIGKILL) -> int:
    pid = eventually(lambda: pid_of(part))
    os.kill(pid, sign)
    return pid


@contextmanager
def sending(sender: FrameSender, every_s: float = 0.02) -> Iterator[list]:
    """Frames one after another from a thread, until left; the receipts."""
    receipts, stop = [], threading.Event()

    def send() -> None:
        while not stop.wait(every_s):
            receipts.append(sender.send(IMAGE + len(receipts)))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield receipts
    finally:
        stop.set()
        thread.join()


@pytest.mark.usefixtures("no_settings_of_the_shell")
@pytest.mark.parametrize("curve", [False, True], ids=["plain", "curve"])
def test_a_killed_bridge_is_back_on_its_port_and_no_frame_is_lost_or_doubled(
    tmp_path: Path, curve: bool
) -> None:
    folder = tmp_path / "keys"
    keys = (make_keys(folder, "microscope")[0], folder / "bridge.key") if curve else None
    settings = settings_for(tmp_path / "data", **({"frames_keys": folder} if curve else {}))
    with Service(settings, workers=0) as service:
        sender = FrameSender(service.frames_address, "haadf", queue_frames=500, ack_timeout_s=0.5, keys=keys)
        with sender:
            with sending(sender) as receipts:
                for number in range(2):
                    before = len(receipts)
                    assert eventually(lambda n=before: len(receipts) > n + 5)
                    receipts[-1].wait(30)
                    pid = kill("bridge")
                    assert eventually(lambda pid=pid: pid_of("bridge") not in (None, pid)), number
            assert sender.flush(60)
        assert all(isinstance(receipt.outcome, Ack) for receipt in receipts)
        assert sum(receipt.outcome.gap for receipt in receipts) == 0
        assert service.store.frames("haadf", 10_000) == [one.frame_id for one in receipts][::-1]
        assert sender.counters["missing"] == 0
        assert service.store.counters()["bridges:died"] == 2
        told = [one.data for _, one in service.store.read_events("0", 10_000) if one.kind == "part"]
        assert [(one["part"], one["exit_code"]) for one in told] == [("bridge", -signal.SIGKILL)] * 2
        status = httpx.get(f"{service.url}/v1/status", timeout=30).json()
        assert status["counts"]["bridges:died"] == 2
        counted = httpx.get(f"{service.url}/metrics", timeout=30).text
        assert 'paretoscope_counted_total{what="bridges:died"} 2.0' in counted
        assert eventually(lambda: service.store.bridge().pid == pid_of("bridge"))  # type: ignore[union-attr]


@pytest.mark.usefixtures("no_settings_of_the_shell")
def test_a_killed_api_is_back_and_listeners_and_long_polls_go_on_where_they_were(tmp_path: Path) -> None:
    with (
        Service(settings_for(tmp_path), workers=0) as service,
        SmallWorker(service.store),
        Client(service.url, timeout_s=10.0) as polling,
        Client(service.url, timeout_s=10.0) as listening,
        FrameSender(service.frames_address, "stem") as sender,
    ):
        heard, polled = list[str](), list[str]()
        first = sender.send(picture()).wait(30).frame_id
        polling.result(first)

        def listen() -> None:
            for event in listening.events(after="0"):
                if event.kind == "result":
                    heard.append(event.frame_id or "")
                    if len(heard) == FRAMES:
                        return

        def poll() -> None:
            for result in polling.results("stem", unfit="pass", include_current=True):
                polled.append(result.frame_id)
                if result.header.sequence == FRAMES - 1:
                    return

        followers = [threading.Thread(target=follow, daemon=True) for follow in (listen, poll)]
        for follower in followers:
            follower.start()
        sent = [first]
        for number in range(1, FRAMES):
            sent.append(sender.send(picture(number)).wait(30).frame_id)
            if number % 2:
                pid = kill("api")
                assert eventually(lambda pid=pid: pid_of("api") not in (None, pid))
            time.sleep(0.3)
        for follower in followers:
            follower.join(30.0)
        assert heard == sent
        assert polled[-1] == sent[-1]
        assert [one for one in sent if one in polled] == polled
        assert service.store.counters()["apis:died"] == 3


@pytest.mark.usefixtures("no_settings_of_the_shell")
def test_parts_that_die_while_the_store_is_away_are_counted_when_it_is_back(tmp_path: Path) -> None:
    with Service(settings_for(tmp_path), workers=0) as service:
        pid = child_with("valkey-server")
        assert pid is not None
        store = psutil.Process(pid)
        store.suspend()
        kill("bridge")
        time.sleep(0.2)
        store.kill()

        bridge = service._doors[0]

        def counted() -> bool:
            service.check()
            try:  # as often as it died: one that is back before the store may die again
                return service.store.counters().get("bridges:died", 0) == bridge.restarts > 0
            except StoreDown:
                return False

        assert eventually(counted, 20.0)


@pytest.mark.usefixtures("no_settings_of_the_shell")
def test_parts_that_hang_are_killed_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LOOK_S", 0.1)
    monkeypatch.setattr(watch, "ANSWER_S", 1.0)
    with Service(settings_for(tmp_path), workers=0) as service:
        with FrameSender(service.frames_address, "stem") as sender:
            sender.send(IMAGE).wait(30)
            assert httpx.get(f"{service.url}/healthz", timeout=30).status_code == 200
            time.sleep(3.0)  # both have been heard by the watch
            monkeypatch.setattr(watch, "HUNG_S", 4.0)
            hung = {part: kill(part, signal.SIGSTOP) for part in ("bridge", "api")}
            assert sender.send(IMAGE).wait(60).gap == 0
        assert httpx.get(f"{service.url}/healthz", timeout=60).status_code == 200
        assert all(pid_of(part) not in (None, pid) for part, pid in hung.items())
        counted = service.store.counters()
        assert (counted["bridges:died"], counted["apis:died"]) == (1, 1)


@pytest.mark.usefixtures("no_settings_of_the_shell")
def test_signs_of_life_of_a_service_that_was_killed_are_no_signs_of_the_next_one(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with EmbeddedStore(data) as server, Store.open(server.url) as store:
        store.beat("of-the-killed-one", pid=1, device="cpu", state="ready", kernel_ms=1.0, ttl_s=600.0)
        store.beat_bridge("tcp://127.0.0.1:1", pid=1, ttl_s=600.0)
        assert store.hold_instruments("of-the-killed-one", ttl_s=600.0)
    with Service(settings_for(data), workers=0, bridge=False) as service:
        assert service.store.workers() == []
        assert service.store.bridge() is None
        assert service.store.hold_instruments("new")
        told = httpx.get(f"{service.url}/readyz", timeout=10.0)
        assert told.status_code == 503
        assert "worker" in " ".join(told.json()["reasons"])
