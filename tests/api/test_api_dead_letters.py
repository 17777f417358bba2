"""Dead letters over REST: seen, fetched, tried again."""

from __future__ import annotations

import io

import httpx
import numpy as np

from paretoscope.adapters.store import Store
from paretoscope.contract import Fault
from serving import SmallWorker, frame, put

DIED = Fault(code="worker-died", hint="3 workers died over this frame.")


def buried(store: Store) -> str:
    put(store)
    claim = store.claim_frame("w")
    assert claim is not None
    store.bury_frame(claim, DIED)
    return claim.frame_id


def test_a_dead_letter_is_listed_with_its_reason_and_gives_its_pixels(http: httpx.Client, store: Store):
    assert http.get("/v1/dead-letters").json() == {"letters": []}
    frame_id = buried(store)
    (letter,) = http.get("/v1/dead-letters").json()["letters"]
    assert (letter["frame_id"], letter["code"], letter["stream"]) == (frame_id, "worker-died", "stem")
    assert "died" in letter["hint"]
    npy = http.get(letter["links"]["image"], headers={"Accept": "application/x-npy"})
    assert np.array_equal(np.load(io.BytesIO(npy.content), allow_pickle=False), frame(0)[1])
    assert http.get(letter["links"]["image"]).content.startswith(b"\x89PNG")
    assert 'what="dead-letters"' in http.get("/metrics").text


def test_it_is_tried_again(http: httpx.Client, store: Store):
    frame_id = buried(store)
    answer = http.post(f"/v1/dead-letters/{frame_id}/retry")
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")
    with SmallWorker(store):
        latest = http.get("/v1/streams/stem/latest", params={"wait": 10})
    assert latest.json()["frame_id"] == frame_id
    assert http.get("/v1/dead-letters").json() == {"letters": []}
    gone = http.post(f"/v1/dead-letters/{frame_id}/retry")
    assert (gone.status_code, gone.json()["code"]) == (404, "no-dead-letter")


def test_it_is_let_go(http: httpx.Client, store: Store):
    frame_id = buried(store)
    assert http.delete(f"/v1/dead-letters/{frame_id}").status_code == 204
    assert http.get("/v1/dead-letters").json() == {"letters": []}
    assert http.get(f"/v1/frames/{frame_id}").json()["fault"]["code"] == "worker-died"
    again = http.delete(f"/v1/dead-letters/{frame_id}")
    assert (again.status_code, again.json()["code"]) == (404, "no-dead-letter")
    assert 'what="dead-letters:discarded"' in http.get("/metrics").text
