"""The store goes away under the running service, or the service is started anew on what it stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.running import BareClient, eventually, frame, head
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.cli.service import Service
from paretoscope.settings import Settings, load
from serving import picture, put_worked, results


def settings_for(data: Path, redis_url: str | None = None) -> Settings:
    return load(
        data=data,
        redis_url=redis_url,
        http_port=0,
        frames="tcp://127.0.0.1:0",
        log_level="error",
        device="cpu",
    )


def is_a_problem(answer: httpx.Response) -> bool:
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"]
    assert len(told["hint"]) > 20
    assert told["retry"] is True
    return (answer.status_code, told["code"]) == (503, "store-down")


@pytest.mark.usefixtures("no_settings_of_the_shell")
def test_with_a_dead_store_senders_hear_busy_readers_503_and_nothing_acknowledged_is_lost(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "store"
    first = EmbeddedStore(folder, durability="always")
    with (
        Service(settings_for(tmp_path, first.url), workers=0) as service,
        BareClient(service.frames_address) as sender,
        httpx.Client(base_url=service.url, timeout=30) as http,
    ):
        assert sender.ask(*frame(0, picture()))["type"] == "ack"
        assert http.get("/v1/streams").status_code == 200

        first.stop()
        busy = sender.ask(*frame(1, picture(1)))
        assert (busy["type"], busy["code"], busy["sequence"]) == ("busy", "store-down", 1)
        assert busy["retry_after_s"] > 0.0
        assert sender.ask(head("heartbeat", stream="haadf", monotonic_ns=7))["monotonic_ns"] == 7
        raw = {"rows": 96, "columns": 96, "dtype": "uint16"}
        body = picture(2).tobytes()
        assert is_a_problem(http.get("/v1/streams"))
        assert is_a_problem(http.get("/v1/streams/haadf/latest", params={"wait": 0.2}))
        assert is_a_problem(http.get("/v1/frames/haadf-e1-000000"))
        assert is_a_problem(http.post("/v1/frames", params=raw, content=body))
        assert is_a_problem(http.put("/v1/streams/haadf/policy", json={"lattice": "SrTiO3"}))
        assert is_a_problem(http.post("/v1/frames/haadf-e1-000000/choice", json={"weight": 1.0}))
        assert http.get("/readyz").status_code == 503
        assert http.get("/healthz").status_code == 200

        with EmbeddedStore(folder, durability="always") as second, Store.open(second.url) as store:
            assert second.url == first.url
            eventually(lambda: sender.ask(*frame(1, picture(1)))["type"] == "ack")
            assert eventually(lambda: http.get("/v1/streams").status_code == 200)
            kept = http.get("/v1/streams/haadf/frames").json()["frames"]
            assert kept == ["haadf-e1-000001", "haadf-e1-000000"]
            assert (store.pixels("haadf-e1-000000") == picture()).all()
            assert [store.claim_frame("w").frame_id for _ in kept] == kept[::-1]  # type: ignore[union-attr]
            assert eventually(lambda: store.counters().get("bridge:busy:store-down"))


def told(http: httpx.Client, part: str) -> dict[str, Any]:
    """What the service says of the stream, but for how old the result has become meanwhile."""
    answer = http.get(f"/v1/streams/stem/{part}").json()
    answer.pop("age_s", None)
    return answer


@pytest.mark.usefixtures("no_settings_of_the_shell")
def test_results_policies_and_names_are_there_after_a_restart(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    asked = ("latest", "frames", "policy", "classes")
    with Service(settings, workers=0) as service, httpx.Client(base_url=service.url, timeout=30) as http:
        frame_id = put_worked(service.store, 0)
        http.put("/v1/streams/stem/policy", json={"lattice": "sto", "deadline_s": 2.0})
        http.put("/v1/streams/stem/classes/1", json={"name": "Si dopant"})
        before = {part: told(http, part) for part in asked}
        atoms = http.get(f"/v1/frames/{frame_id}/atoms").json()
    with Service(settings, workers=0) as service, httpx.Client(base_url=service.url, timeout=30) as http:
        assert {part: told(http, part) for part in asked} == before
        assert http.get(f"/v1/frames/{frame_id}/atoms").json() == atoms
    assert before["latest"]["frame_id"] == frame_id
    assert before["policy"]["lattice"] == "SrTiO3"
    assert before["classes"]["names"] == {"1": "Si dopant"}
    assert atoms["count"] == len(results(frame_id)[0].columns["y_px"])  # type: ignore[attr-defined]
