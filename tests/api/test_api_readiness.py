"""Ready means: what comes now will be analysed. Each part is tried, and fails by itself."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import httpx
import pytest

from bridge.running import eventually
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.server import ApiServer
from serving import Beating


@pytest.fixture
def worker(store: Store) -> Beating:
    beating = Beating(store, "w")
    beating.once()
    return beating


@pytest.fixture
def http(store: Store) -> Iterator[httpx.Client]:
    """Of a service that runs a bridge."""
    with (
        ApiServer(create_app(store, ApiSettings(needs_bridge=True))) as api,
        httpx.Client(base_url=api.url, timeout=20.0, trust_env=False) as client,
    ):
        store.beat_bridge("tcp://127.0.0.1:5555", pid=1)
        assert eventually(lambda: client.get("/readyz").json()["event_log"])
        yield client


def failing(http: httpx.Client) -> tuple[str, str]:
    """The one check that is not ok, and its words."""
    answer = http.get("/readyz")
    told = answer.json()
    assert (answer.status_code, told["ready"]) == (503, False)
    (wrong,) = [check for check in told["checks"] if not check["ok"]]
    assert told["reasons"] == [wrong["words"]]
    return wrong["name"], wrong["words"]


def test_when_all_is_well_each_check_tells_its_figure_and_its_limit(http: httpx.Client, worker: Beating):
    answer = http.get("/readyz")
    told = {check["name"]: check for check in answer.json()["checks"]}
    assert answer.status_code == 200
    assert list(told) == ["store", "event-log", "worker", "kernel", "kernel-age", "bridge"]
    assert all(check["ok"] and check["words"] == "" for check in told.values())
    for name, unit in (
        ("store", "ms"),
        ("worker", "s"),
        ("kernel", "ms"),
        ("kernel-age", "s"),
        ("bridge", "s"),
    ):
        assert told[name]["unit"] == unit
        assert 0.0 <= told[name]["value"] < told[name]["limit"]
    assert told["kernel"]["value"] == 0.9


def test_a_store_that_reads_but_does_not_write(http: httpx.Client, worker: Beating, store: Store):
    store._redis.config_set("min-replicas-to-write", 1)
    try:
        assert store.ping()
        name, words = failing(http)
    finally:
        store._redis.config_set("min-replicas-to-write", 0)
    assert name == "store"
    assert "NOREPLICAS" in words
    assert http.get("/readyz").status_code == 200


def test_a_store_that_answers_nothing(tmp_path):
    with (
        EmbeddedStore(tmp_path / "data") as server,
        Store.open(server.url) as store,
        ApiServer(create_app(store)) as api,
        httpx.Client(base_url=api.url, timeout=20.0, trust_env=False) as http,
    ):
        Beating(store, "w").once()
        assert eventually(lambda: http.get("/readyz").status_code == 200)
        pid = server.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            assert failing(http)[0] == "store"
        finally:
            os.kill(pid, signal.SIGCONT)


def test_no_worker(http: httpx.Client):
    name, words = failing(http)
    assert name == "worker"
    assert "paretoscope worker" in words


def test_a_worker_that_starts(http: httpx.Client, worker: Beating):
    worker.once(state="starting", kernel_ms=None, kernel_age_s=None)
    assert failing(http) == ("worker", "Workers are starting; kernels compile on first use.")


def test_a_worker_that_has_gone_silent(http: httpx.Client, worker: Beating, store: Store):
    store._redis.pexpire("ps:worker:w", 24_000)  # of 30: as if 6 s had gone by
    name, words = failing(http)
    assert name == "worker"
    assert "said nothing for 6 s" in words


def test_a_device_that_does_not_compute(http: httpx.Client, worker: Beating):
    worker.once(kernel_error="cuda:0 computes wrongly.")
    assert failing(http) == ("kernel", "Worker w on cpu: cuda:0 computes wrongly.")
    worker.once(state="starting", kernel_ms=None, kernel_age_s=None, kernel_error="cuda:0 computes wrongly.")
    assert failing(http) == ("worker", "No worker can compute: cuda:0 computes wrongly.")


def test_a_device_that_takes_for_ever(http: httpx.Client, worker: Beating):
    worker.once(kernel_ms=1500.0)
    name, words = failing(http)
    assert name == "kernel"
    assert "1500 ms" in words


def test_a_worker_that_says_it_lives_but_computes_nothing(http: httpx.Client, worker: Beating):
    worker.once(kernel_age_s=40.0, tick_age_s=0.1)
    assert failing(http)[0] == "kernel-age"
    worker.once(kernel_age_s=40.0, tick_age_s=40.0, state="working", detail="stem-e1-000000")
    name, words = failing(http)
    assert name == "kernel-age"
    assert "computed nothing for 40 s" in words
    stalled = {one["code"]: one["words"] for one in http.get("/v1/status").json()["reasons"]}
    assert "stem-e1-000000" in stalled["worker-stalled"]


def test_a_worker_in_the_middle_of_a_long_frame_computes_as_long_as_it_gets_on(
    http: httpx.Client, worker: Beating
):
    worker.once(kernel_age_s=40.0, tick_age_s=0.2, state="working", detail="stem-e1-000000")
    assert http.get("/readyz").status_code == 200
    assert http.get("/v1/status").json()["reasons"] == []


def test_one_worker_in_good_health_is_enough(http: httpx.Client, worker: Beating, store: Store):
    Beating(store, "a").once(kernel_error="cuda:0 computes wrongly.")
    answer = http.get("/readyz")
    assert answer.status_code == 200
    assert {one["consumer"]: one["kernel_error"] for one in answer.json()["workers"]}["a"]
    assert [one["code"] for one in http.get("/v1/status").json()["reasons"]] == ["device-failed"]


def test_a_bridge_that_is_silent_or_gone(http: httpx.Client, worker: Beating, store: Store):
    store._redis.pexpire("ps:bridge", 1_000)  # of 10: as if 9 s had gone by
    name, words = failing(http)
    assert name == "bridge"
    assert "said nothing for 9 s" in words
    store._redis.delete("ps:bridge")
    assert failing(http)[0] == "bridge"


def test_a_service_without_a_bridge_of_its_own_needs_none(store: Store, worker: Beating):
    with (
        ApiServer(create_app(store)) as api,
        httpx.Client(base_url=api.url, timeout=20.0, trust_env=False) as http,
    ):
        assert eventually(lambda: http.get("/readyz").status_code == 200)


def test_a_worker_of_a_newer_version_may_tell_more(http: httpx.Client, worker: Beating, store: Store):
    held = store._redis.get("ps:worker:w")
    store._redis.set("ps:worker:w", held.replace(b"{", b'{"yet_unknown": 1, ', 1), px=30_000)
    assert http.get("/readyz").status_code == 200
