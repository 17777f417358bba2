"""The bridge with the real store behind it."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.running import BareClient, eventually, frame, head, running_bridge
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.settings import Limits


@pytest.fixture
def server(tmp_path):
    with EmbeddedStore(tmp_path / "data") as running:
        yield running


@pytest.fixture
def store(server):
    with Store.open(server.url, Limits(backlog_frames=3)) as opened:
        yield opened


def test_an_acknowledged_frame_is_in_the_store_with_its_pixels_and_gap(store):
    image = np.random.default_rng(0).integers(0, 65535, (64, 48)).astype("<u2")
    with running_bridge(store) as bridge, BareClient(bridge.address) as client:
        ack = client.ask(*frame(2, image, pixel_size_nm=[0.02, 0.02]))
        assert (ack["type"], ack["gap"]) == ("ack", 2)
        assert np.array_equal(store.pixels(ack["frame_id"]), image)
        assert store.header(ack["frame_id"]).pixel_size_nm == (0.02, 0.02)
        assert store.gap(ack["frame_id"]) == 2
        assert client.ask(head("end", stream="haadf", epoch="e1", frames=3))["gap"] == 2
        client.ask(b"junk", b"x")
        assert eventually(lambda: store.counters().get("fault:bad-header"))
        kinds = eventually(lambda: {event.kind for _, event in store.read_events("0")})
    assert {"frame", "gap", "end", "fault"} <= kinds


def test_a_full_backlog_makes_busy_and_what_was_acknowledged_outlives_the_bridge(store):
    with running_bridge(store) as bridge, BareClient(bridge.address) as client:
        for sequence in range(3):
            assert client.ask(*frame(sequence))["type"] == "ack"
        assert client.ask(*frame(3))["code"] == "backlog-full"
    with running_bridge(store) as bridge, BareClient(bridge.address) as client:
        assert client.ask(*frame(2))["duplicate"] is True
        claim = store.claim_frame("worker-1")
        store.finish_frame(claim, [])
        assert (client.ask(*frame(3))["type"], store.gap("haadf-e1-000003")) == ("ack", 0)
