"""Picking another point on the front."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.store import Store
from serving import SmallWorker, points, put, put_worked


@pytest.mark.parametrize(
    ("picked", "atoms", "chosen"), [({"point": 3}, 38, 3), ({"weight": 0.0}, 64, 0), ({"weight": 1.0}, 38, 3)]
)
def test_a_pick_answers_with_the_re_detected_frame(
    http: httpx.Client, store: Store, worker: SmallWorker, picked: dict, atoms: int, chosen: int
):
    frame_id = put_worked(store)

    answer = http.post(f"/v1/frames/{frame_id}/choice", json=picked | {"by": "an operator"})

    told = answer.json()
    assert (answer.status_code, told["state"]) == (200, "done")
    assert (told["frame"]["atoms"], told["frame"]["chosen"]) == (min(points()[chosen].n_found, 64), chosen)
    assert told["frame"]["revision"] == told["revision"] == 1
    assert len(http.get(told["links"]["atoms"]).json()["columns"]["y_px"]) == told["frame"]["atoms"]
    operating = store.memory("stem").operating
    assert operating is not None
    assert operating.params == points()[chosen].params


def test_a_pick_for_this_frame_only_leaves_the_stream_alone(
    http: httpx.Client, store: Store, worker: SmallWorker
):
    frame_id = put_worked(store)
    http.post(f"/v1/frames/{frame_id}/choice", json={"point": 2, "scope": "frame"})
    assert store.memory("stem").operating is None


def test_an_answer_that_takes_longer_can_be_fetched_later(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.post(f"/v1/frames/{frame_id}/choice", json={"point": 3}, params={"wait": 0.05})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    with SmallWorker(store):
        later = http.get(answer.json()["links"]["self"], params={"wait": 10})
    assert (later.status_code, later.json()["state"]) == (200, "done")


UNREADABLE = {
    "half a JSON object": (b'{"point": 1', "application/json", "not JSON"),
    "JSON under another type": (b'{"point": 1}', "text/plain", "Content-Type: application/json"),
    "a form": (b"point=1", "application/x-www-form-urlencoded", "Content-Type: application/json"),
    "a list": (b"[1]", "application/json", "body: "),
    "a misspelt field": (b'{"pont": 1}', "application/json", "no such field"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read_is_told_so_in_words(http: httpx.Client, store: Store, name: str):
    body, kind, told = UNREADABLE[name]
    frame_id = put_worked(store)
    answer = http.post(f"/v1/frames/{frame_id}/choice", content=body, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request"), answer.text
    assert told in answer.json()["hint"]


BAD = {
    "nothing": ({}, 422, "bad-choice"),
    "two things": ({"point": 1, "weight": 0.5}, 422, "bad-choice"),
    "a point that is not there": ({"point": 4}, 422, "no-such-point"),
    "a negative point": ({"point": -1}, 422, "bad-request"),
    "a weight beyond 1": ({"weight": 1.5}, 422, "bad-request"),
    "a misspelt field": ({"pont": 1}, 422, "bad-request"),
    "sigmas the wrong way round": (
        {"params": {"sigma_min": 5, "sigma_max": 2, "threshold": 0.1, "overlap": 0.3}},
        422,
        "bad-request",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_choice_is_refused_before_it_is_queued(http: httpx.Client, store: Store, name: str):
    body, status, code = BAD[name]
    answer = http.post(f"/v1/frames/{put_worked(store)}/choice", json=body)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert store.claim_choice("w") is None


def test_there_is_nothing_to_choose_on_a_frame_without_a_front(http: httpx.Client, store: Store):
    answer = http.post(f"/v1/frames/{put(store)}/choice", json={"point": 0})
    assert (answer.status_code, answer.json()["code"]) == (422, "no-front")


def test_an_unknown_choice_is_not_found(http: httpx.Client):
    assert http.get("/v1/choices/nobody").json()["code"] == "no-such-choice"


def test_a_pick_sent_again_with_its_key_is_made_once(http: httpx.Client, store: Store):
    frame_id = put_worked(store)

    def pick(point: int, key: str) -> httpx.Response:
        path, headers = f"/v1/frames/{frame_id}/choice", {"Idempotency-Key": key}
        return http.post(path, json={"point": point}, params={"wait": 0.05}, headers=headers)

    first, again, other = pick(3, "mine"), pick(3, "mine"), pick(3, "another")
    assert first.json()["choice_id"] == again.json()["choice_id"] != other.json()["choice_id"]
    reused = pick(2, "mine")
    assert (reused.status_code, reused.json()["code"]) == (422, "choice-id-reused")
    with SmallWorker(store):
        done = http.get(first.json()["links"]["self"], params={"wait": 10}).json()
        http.get(other.json()["links"]["self"], params={"wait": 10})
    after = pick(3, "mine")
    assert (after.status_code, after.json()["revision"]) == (200, done["revision"])
    assert store.counters()["choices:done"] == 2


def test_an_answer_outlives_its_frame(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.post(f"/v1/frames/{frame_id}/choice", json={"point": 3}, params={"wait": 0.05})
    with SmallWorker(store):
        assert http.get(answer.json()["links"]["self"], params={"wait": 10}).json()["frame"] is not None
    store._redis.delete(f"ps:frame:{frame_id}")
    later = http.get(answer.json()["links"]["self"])
    assert (later.status_code, later.json()["state"], later.json()["frame"]) == (200, "done", None)
