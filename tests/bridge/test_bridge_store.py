"""The bridge with the real store behind it."""

from __future__ import annotations

import numpy as np
import pytest

from bridge.running import BareClient, eventually, frame, head, running_bridge
from bridge.test_bridge_rows_socket import begin, end, rows
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


def test_rows_are_in_the_store_while_the_scan_runs_and_the_frame_after_it(store):
    image = np.random.default_rng(0).integers(0, 65535, (64, 48)).astype("<u2")
    with running_bridge(store) as bridge, BareClient(bridge.address) as client:
        begin(client, image, pixel_size_nm=[0.02, 0.02])
        for first in range(0, 48, 16):
            assert rows(client, image, first, first + 16)["held"] == first + 16
        shown = store.scan_since("haadf")
        assert np.array_equal(shown.rows, image[:48])
        assert (shown.begin.frame_id, shown.begin.pixel_size_nm) == ("haadf-e1-000000", (0.02, 0.02))
        rows(client, image, 48, 64)
        ack = end(client, image, pixel_size_nm=[0.02, 0.02])
        assert store.scan_since("haadf") is None
        assert np.array_equal(store.pixels(ack["frame_id"]), image)
        whole = client.ask(*frame(1, image, pixel_size_nm=[0.02, 0.02]))
        ours, theirs = store.header(ack["frame_id"]), store.header(whole["frame_id"])
        assert ours.model_copy(update={"sequence": 1}) == theirs
        assert eventually(lambda: store.counters().get("rows:assembled")) == 1
        assert eventually(lambda: "scan" in {event.kind for _, event in store.read_events("0")})
