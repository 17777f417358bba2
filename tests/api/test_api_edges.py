"""Health, metrics, documentation, and who may come in."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from paretoscope.adapters.listening import for_http
from paretoscope.adapters.store import Store
from paretoscope.api import ApiSettings, create_app
from paretoscope.api.negotiate import NotAcceptable, choose_media
from paretoscope.api.openapi import described
from paretoscope.api.server import ApiServer
from paretoscope.errors import AddressInUse
from serving import Beating, SmallWorker, put_worked

ROOT = Path(__file__).resolve().parents[2]


def test_the_api_never_loads_the_numerics():
    code = (
        "import sys; import paretoscope.api, paretoscope.api.server; "
        "print([m for m in ('torch', 'botorch', 'skimage', 'sklearn', 'scipy') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


def test_the_pinned_description_is_the_real_one():
    pinned = (ROOT / "docs/reference/openapi.json").read_text(encoding="utf-8")
    assert json.loads(described()) == json.loads(pinned), (
        "the routes changed: look at the difference, then renew with `make openapi`"
    )


def test_ready_means_that_a_worker_was_heard(http: httpx.Client, store: Store):
    before = http.get("/readyz")
    with SmallWorker(store):
        after = http.get("/readyz")
    assert (before.status_code, before.json()["ready"]) == (503, False)
    assert "paretoscope worker" in before.json()["reasons"][0]
    assert (after.status_code, after.json()["workers"][0]["consumer"]) == (200, "small")


def test_a_store_that_is_gone_is_a_clear_answer_and_the_api_lives_on():
    with (
        Store.open("redis://127.0.0.1:1") as nowhere,
        ApiServer(create_app(nowhere)) as api,
        httpx.Client(base_url=api.url, trust_env=False) as http,
    ):
        streams, ready = http.get("/v1/streams"), http.get("/readyz")
        assert (streams.status_code, streams.json()["code"]) == (503, "store-down")
        assert streams.json()["retry"] is True
        assert (ready.status_code, ready.json()["store"]) == (503, False)
        assert http.get("/healthz").status_code == 200
        assert "paretoscope_store_up 0.0" in http.get("/metrics").text


def test_a_store_that_answers_but_takes_nothing_is_not_ready(http: httpx.Client, store: Store):
    Beating(store, "w").once()
    before = store._redis.config_get("maxmemory")["maxmemory"]
    try:
        store._redis.config_set("maxmemory", 1)
        full = http.get("/readyz")
    finally:
        store._redis.config_set("maxmemory", before)
    assert (full.status_code, full.json()["store"]) == (503, False)
    assert "full" in full.json()["reasons"][0]
    assert http.get("/readyz").status_code == 200


def test_metrics_count_frames_faults_and_times(http: httpx.Client, store: Store, worker: SmallWorker):
    put_worked_by_worker = http.post(
        "/v1/frames", params={"wait": 10, "rows": 8, "columns": 8, "dtype": "uint8"}, content=bytes(range(64))
    )
    assert put_worked_by_worker.status_code == 200
    http.post("/v1/frames", params={"wait": 10, "rows": 8, "columns": 8, "dtype": "uint8"}, content=bytes(64))
    text = http.get("/metrics").text
    assert 'paretoscope_frames_total{outcome="done"} 1.0' in text
    assert 'paretoscope_faults_total{code="constant-image"} 1.0' in text
    assert 'paretoscope_queue{stream="uploads"} 0.0' in text
    assert 'paretoscope_stage_seconds_count{stage="tune"} 1.0' in text


def test_version_names_service_and_contract(http: httpx.Client):
    assert set(http.get("/version").json()) == {"version", "contract", "api"}


@pytest.mark.parametrize("page", ["/", "/docs"])
def test_pages_ask_nothing_of_other_servers(http: httpx.Client, page: str):
    answer = http.get(page)
    assert answer.status_code == 200
    own = re.findall(r'(?:src|href)=["\']([^"\'#]+)', answer.text)
    assert own
    for address in own:
        assert not re.match(r"(https?:)?//", address), address
        assert http.get(address, follow_redirects=True).status_code == 200, address


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "", "localhost.evil:80", "[::2]:80"]
)
def test_another_name_for_this_machine_is_refused(http: httpx.Client, host: str):
    answer = http.get("/v1/streams", headers={"Host": host})
    assert answer.status_code in (400, 421)
    assert "streams" not in answer.text


def test_our_own_names_are_welcome(api: ApiServer):
    for host in (f"localhost:{api.port}", "127.0.0.1", f"[::1]:{api.port}", "LOCALHOST"):
        assert httpx.get(f"{api.url}/v1/streams", headers={"Host": host}, trust_env=False).status_code == 200


def test_a_page_of_another_site_may_not_change_anything(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
    ):
        answer = http.post(f"/v1/frames/{frame_id}/choice", json={"point": 0}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign-origin"), headers
    assert store.claim_choice("w") is None
    own = str(http.base_url).rstrip("/")
    named = http.put("/v1/streams/stem/classes/0", json={"name": "Sr"}, headers={"Origin": own})
    assert named.status_code == 200


def test_a_request_is_answered_under_its_own_id(http: httpx.Client):
    kept = http.get("/v1/frames/none", headers={"X-Request-ID": "loop-17"})
    made = http.get("/v1/frames/none", headers={"X-Request-ID": "x" * 500})
    assert kept.headers["X-Request-ID"] == kept.json()["request_id"] == "loop-17"
    assert made.headers["X-Request-ID"] == made.json()["request_id"] != "x" * 500


def test_an_address_that_is_none_is_a_problem_too(http: httpx.Client):
    for answer, code in (
        (http.get("/v1/nothing"), "no-such-route"),
        (http.delete("/v1/streams"), "method-not-allowed"),
    ):
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == code


def test_a_method_that_is_not_taken_is_told_which_are(http: httpx.Client):
    told = http.delete("/v1/streams/stem/policy")
    assert (told.status_code, told.headers["Allow"]) == (405, "GET, PUT")


def test_what_is_no_http_is_a_problem_too(api: ApiServer):
    with socket.create_connection(("127.0.0.1", api.port), timeout=10.0) as peer:
        peer.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        said = b"".join(iter(lambda: peer.recv(4096), b""))
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in head
    assert json.loads(body)["code"] == "not-http"


def test_every_refusal_is_described_as_a_problem_and_no_error_of_ours_is():
    document = json.loads(described())
    for path, operations in document["paths"].items():
        for operation in operations.values():
            refusals = {int(status) for status in operation["responses"] if int(status) >= 400}
            assert {400, 403, 413, 421, 429} <= refusals, path
            assert 500 not in refusals, path
    for name, told in document["components"]["responses"].items():
        assert list(told["content"]) == ["application/problem+json"], name


def test_a_large_body_is_taken_only_where_images_are(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.post(f"/v1/frames/{frame_id}/choice", content=b" " * 100_000 + b'{"point": 0}')
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")


def test_a_port_that_is_taken_says_so(api: ApiServer, store: Store):
    with pytest.raises(AddressInUse, match=str(api.port)):
        ApiServer(create_app(store, ApiSettings()), port=api.port)


def test_small_answers_are_not_held_back_by_the_network_stack():
    """asyncio turns Nagle's algorithm off only for sockets that are named TCP."""
    with for_http("127.0.0.1", 0) as bound:
        assert bound.proto == socket.IPPROTO_TCP


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, "a/json"),
        ("*/*", "a/json"),
        ("b/png, a/json;q=0.5", "b/png"),
        ("a/*;q=0.1, b/png;q=0.2", "b/png"),
        ("a/json;q=0, */*", "b/png"),
        ("text/html, */*;q=0.1", "a/json"),
    ],
)
def test_accept_is_read_with_its_quality_values(accept: str | None, chosen: str):
    assert choose_media(accept, ["a/json", "b/png"]) == chosen


@pytest.mark.parametrize("accept", ["c/pdf", "a/json;q=0, b/*;q=0", "b/png;q=x"])
def test_nothing_acceptable_is_said(accept: str):
    with pytest.raises(NotAcceptable, match="a/json, b/png"):
        choose_media(accept, ["a/json", "b/png"])
