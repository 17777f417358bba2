"""How the service stands, as an operator reads it."""

from __future__ import annotations

import httpx

from bridge.running import eventually, running_bridge
from paretoscope.adapters.store import Store
from paretoscope.api import create_app
from paretoscope.api.openapi import NOWHERE
from paretoscope.api.server import ApiServer
from serving import Beating, put


def codes(told: dict) -> set[str]:
    return {one["code"] for one in told["reasons"]}


def test_all_is_well_with_a_worker_and_a_bridge(http: httpx.Client, store: Store):
    with Beating(store, "w"), running_bridge(store):
        assert eventually(lambda: http.get("/v1/status").json()["state"] == "ok")
        told = http.get("/v1/status").json()
        ready = http.get("/readyz").json()
    assert told["reasons"] == []
    assert told["store_ms"] > 0
    assert told["bridge_seen_s"] < 10
    assert told["workers"][0]["age_s"] < 60
    assert ready["store_ms"] > 0
    assert ready["bridge_seen_s"] < 10


def test_what_is_missing_is_told_in_words(http: httpx.Client, store: Store):
    told = http.get("/v1/status").json()
    assert told["state"] == "degraded"
    assert codes(told) == {"no-worker", "no-bridge"}
    store.beat("w", pid=1, device="cpu", state="starting", ttl_s=600.0)
    assert codes(http.get("/v1/status").json()) == {"workers-starting", "no-bridge"}


def test_a_backlog_is_told_before_senders_have_to_wait(http: httpx.Client, store: Store):
    for number in range(5):  # 8 may wait
        put(store, number)
    told = http.get("/v1/status").json()
    assert "backlog" in codes(told)
    assert told["queued"] == 5


def test_a_paused_stream_is_no_fault(http: httpx.Client, store: Store):
    Beating(store, "w").once()
    store.beat_bridge("tcp://127.0.0.1:5555", pid=1)
    store.pause("stem", by="Ada", reason="lunch")
    told = http.get("/v1/status").json()
    assert told["state"] == "ok"
    assert told["paused"]["stem"]["reason"] == "lunch"


def test_without_a_store_the_service_is_down_and_still_says_so():
    with (
        Store.open(NOWHERE) as nowhere,
        ApiServer(create_app(nowhere)) as running,
        httpx.Client(base_url=running.url, trust_env=False, timeout=20) as http,
    ):
        told = http.get("/v1/status")
        assert (told.status_code, told.json()["state"]) == (200, "down")
        assert codes(told.json()) == {"store-down"}


def test_two_programs_that_send_one_stream_are_told(http: httpx.Client, store: Store):
    store.beat("w", pid=1, device="cpu", state="ready", ttl_s=600.0)
    store.beat_bridge("tcp://127.0.0.1:5555", pid=1, contested=["haadf"])
    told = http.get("/v1/status").json()
    assert codes(told) == {"stream-taken"}
    assert "haadf" in told["reasons"][0]["words"]
