"""Holding a stream and letting it go, over the API and down to the sender that has to wait."""

from __future__ import annotations

import threading

import httpx
import pytest

from bridge.running import eventually, running_bridge
from client.scripted_microscope import Microscope
from paretoscope.adapters.store import Store
from paretoscope_client.sender import FrameSender
from paretoscope_client.source import SpectraSource
from paretoscope_client.spectra import ScanRequest, Spectra
from serving import picture, put


def test_a_paused_stream_says_who_paused_it_and_why(http: httpx.Client, store: Store):
    put(store, 0)
    told = http.post("/v1/streams/stem/pause", json={"by": "Ada", "reason": "new grid"}).json()
    assert (told["paused"]["by"], told["paused"]["reason"]) == ("Ada", "new grid")
    (stream,) = http.get("/v1/streams").json()["streams"]
    assert stream["paused"] == told["paused"]
    assert http.post("/v1/streams/stem/resume").json() == {"stream": "stem", "paused": None}
    assert http.get("/v1/streams").json()["streams"][0]["paused"] is None


def test_a_pause_needs_no_body_and_the_first_one_stands(http: httpx.Client):
    first = http.post("/v1/streams/stem/pause").json()
    again = http.post("/v1/streams/stem/pause", json={"by": "Bob"}).json()
    assert first == again
    assert first["paused"]["by"] == "operator"


def test_an_image_for_a_paused_stream_is_refused_for_now(http: httpx.Client):
    http.post("/v1/streams/lab/pause")
    body = picture().tobytes()
    params = {"stream": "lab", "rows": 96, "columns": 96, "dtype": "uint16"}
    refused = http.post("/v1/frames", content=body, params=params)
    assert (refused.status_code, refused.json()["code"], refused.json()["retry"]) == (503, "paused", True)
    http.post("/v1/streams/lab/resume")
    assert http.post("/v1/frames", content=body, params=params).status_code == 202


def test_pausing_and_resuming_are_events(http: httpx.Client, store: Store):
    http.post("/v1/streams/stem/pause", json={"by": "Ada"})
    http.post("/v1/streams/stem/resume")
    http.post("/v1/streams/stem/resume")  # changes nothing, tells nothing
    events = [event for _, event in store.read_events("0") if event.kind == "pause"]
    assert [(event.stream, event.data["paused"], event.data["by"]) for event in events] == [
        ("stem", True, "Ada"),
        ("stem", False, "operator"),
    ]


@pytest.mark.parametrize("body", [{"by": ""}, {"who": "Ada"}, {"reason": "x" * 300}])
def test_a_pause_that_cannot_be_read_is_told(http: httpx.Client, body: dict[str, str]):
    told = http.post("/v1/streams/stem/pause", json=body)
    assert (told.status_code, told.json()["code"]) == (422, "bad-request")


def test_a_sender_holds_its_frames_while_paused_and_loses_none(store: Store):
    store.pause("haadf", by="Ada")
    with running_bridge(store) as bridge, FrameSender(bridge.address, "haadf") as sender:
        receipts = [sender.send(picture(number), dwell_us=5.0) for number in range(3)]
        eventually(lambda: sender.paused)
        assert store.frames("haadf") == []
        store.resume("haadf")
        acks = [receipt.wait(10) for receipt in receipts]
        assert [ack.sequence for ack in acks] == [0, 1, 2]
        assert not sender.paused
        assert sum(ack.gap for ack in acks) == 0


def test_a_microscope_scans_nothing_while_its_stream_is_paused(store: Store):
    microscope, stop = Microscope(), threading.Event()

    def scans() -> int:
        return sum(what == "acquire" for what, _ in microscope.calls)

    store.pause("haadf", by="Ada")
    with (
        running_bridge(store) as bridge,
        FrameSender(bridge.address, "haadf") as sender,
        Spectra("scope", factory=microscope.client) as spectra,
    ):
        source = SpectraSource(spectra, sender, ScanRequest(size_px=16, dwell_us=1.0))
        thread = threading.Thread(target=source.run, args=(stop, 4))
        thread.start()
        eventually(lambda: sender.paused)
        held = scans()
        assert not stop.wait(0.6)
        assert scans() == held
        store.resume("haadf")
        thread.join(10)
        assert scans() == 4
    assert len(store.frames("haadf")) == 4


def test_a_pause_outlives_whoever_said_it(server, store: Store):
    store.pause("haadf", by="Ada", reason="lunch")
    with Store.open(server.url) as other:
        assert other.paused_streams()["haadf"].told == "Paused by Ada: lunch"
