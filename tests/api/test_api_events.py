"""Server-sent events: in order, resumable, bounded."""

from __future__ import annotations

import json
from collections.abc import Iterator

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.api.server import ApiServer
from paretoscope.errors import BadParameters
from serving import put_worked


def read(lines: Iterator[str], count: int) -> list[dict[str, str]]:
    """The next `count` events of an open stream."""
    found: list[dict[str, str]] = []
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if line and not line.startswith(":"):
            fields[name] = value
        elif not line and "data" in fields:
            found.append(fields)
            fields = {}
            if len(found) == count:
                break
    return found


def test_a_listener_hears_a_frame_come_and_be_done(http: httpx.Client, store: Store):
    with http.stream("GET", "/v1/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        lines = answer.iter_lines()
        assert next(lines).startswith(": listening")
        frame_id = put_worked(store)
        heard = read(lines, 2)
    assert [one["event"] for one in heard] == ["frame", "result"]
    told = json.loads(heard[1]["data"])
    assert (told["frame_id"], told["stream"], told["data"]["atoms"]) == (frame_id, "stem", 60)


def test_a_listener_that_comes_back_hears_what_it_missed_once(http: httpx.Client, store: Store):
    put_worked(store, 0)
    with http.stream("GET", "/v1/events", params={"after": "0"}) as answer:
        first = read(answer.iter_lines(), 2)
    for sequence in range(1, 4):
        put_worked(store, sequence)
    with http.stream("GET", "/v1/events", headers={"Last-Event-ID": first[-1]["id"]}) as answer:
        lines = answer.iter_lines()
        missed = read(lines, 6)
        put_worked(store, 4)
        live = read(lines, 2)
    frames = [json.loads(one["data"])["frame_id"] for one in missed + live if one["event"] == "result"]
    assert frames == [f"stem-e1-00000{n}" for n in (1, 2, 3, 4)]
    ids = [one["id"] for one in missed + live]
    assert len(set(ids)) == len(ids)


def test_a_listener_may_ask_for_one_stream(http: httpx.Client, store: Store):
    with http.stream("GET", "/v1/events", params={"stream": "b"}) as answer:
        lines = answer.iter_lines()
        next(lines)
        put_worked(store, 0, stream="a")
        put_worked(store, 0, stream="b")
        assert {json.loads(one["data"])["stream"] for one in read(lines, 2)} == {"b"}


def test_one_listener_too_many_is_told_to_come_back(http: httpx.Client):
    open_streams = [http.stream("GET", "/v1/events") for _ in range(4)]
    held = [one.__enter__().iter_lines() for one in open_streams]
    for lines in held:
        next(lines)
    refused = http.get("/v1/events")
    assert (refused.status_code, refused.json()["code"], refused.json()["retry"]) == (503, "busy", True)
    for one in open_streams:
        one.__exit__(None, None, None)


@pytest.mark.parametrize("event_id", ["yesterday", "99999999999999999999-0", "\u0663-\u0663", "1-1\n", "1"])
def test_a_nonsense_event_id_is_refused(http: httpx.Client, store: Store, event_id: str):
    if event_id.isascii() and event_id.isprintable():
        assert http.get("/v1/events", headers={"Last-Event-ID": event_id}).status_code == 422
    assert http.get("/v1/events", params={"after": event_id}).status_code == 422
    assert http.get("/v1/audit", params={"before": event_id}).status_code == 422
    if event_id != "1":  # the store's own short form
        with pytest.raises(BadParameters):
            store.read_events(event_id)


def test_open_listeners_do_not_keep_the_service_from_ending(api: ApiServer):
    with httpx.stream("GET", f"{api.url}/v1/events", timeout=20.0, trust_env=False) as answer:
        lines = answer.iter_lines()
        next(lines)
        api.stop()
        assert [line for line in lines if line.startswith("data")] == []
