"""Frames in blocks of rows over a real socket: the same bytes as sent whole, and nothing lost otherwise."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import BareClient, eventually, frame, head, running_bridge

IMAGE = np.arange(60, dtype="<u2").reshape(10, 6)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def bridge(store):
    with running_bridge(store) as running:
        yield running


@pytest.fixture
def client(bridge):
    with BareClient(bridge.address) as connected:
        yield connected


def named(sequence: int, stream: str = "haadf", epoch: str = "e1") -> dict:
    return {"stream": stream, "epoch": epoch, "sequence": sequence}


def begin(client: BareClient, image: np.ndarray, sequence: int = 0, **more) -> dict:
    fields = {"shape": list(image.shape), "dtype": image.dtype.name, "nbytes": image.nbytes}
    return client.ask(head("rows-begin", **{**named(sequence), **fields, **more}))


def rows(client: BareClient, image: np.ndarray, first: int, last: int, sequence: int = 0, **more) -> dict:
    fields = {"first_row": first, "rows": last - first, "crc32": zlib.crc32(image[:last].tobytes())}
    parts = head("rows", **{**named(sequence), **fields, **more}), image[first:last].tobytes()
    return client.ask(*parts)


def end(client: BareClient, image: np.ndarray, sequence: int = 0, **more) -> dict:
    fields = {"shape": list(image.shape), "dtype": image.dtype.name, "nbytes": image.nbytes}
    fields["crc32"] = zlib.crc32(image.tobytes())
    return client.ask(head("rows-end", **{**named(sequence), **fields, **more}))


def test_any_split_arrives_over_the_wire_as_the_frame_sent_whole(client, store):
    rng = np.random.default_rng(3)
    for sequence in range(12):
        image = rng.integers(0, 65535, (rng.integers(1, 40), rng.integers(1, 30))).astype("<u2")
        ends = sorted({len(image), *rng.integers(1, len(image) + 1, rng.integers(0, 6)).tolist()})
        assert begin(client, image, sequence)["held"] == 0
        for first, last in zip([0, *ends], ends, strict=False):
            held = rows(client, image, first, last, sequence)
            assert (held["type"], held["held"]) == ("rows-held", last)
        ack = end(client, image, sequence, pixel_size_nm=[0.02, 0.02])
        assert (ack["type"], ack["duplicate"], ack["gap"]) == ("ack", False, 0)
        whole = client.ask(*frame(sequence, image, stream="whole", pixel_size_nm=[0.02, 0.02]))
        ours, theirs = store.frames[ack["frame_id"]], store.frames[whole["frame_id"]]
        assert ours[1] == theirs[1] == image.tobytes()
        assert ours[0].model_copy(update={"stream": "whole"}) == theirs[0]


def test_rows_are_shown_and_told_while_the_scan_runs_and_not_after_it(client, store):
    begin(client, IMAGE)
    rows(client, IMAGE, 0, 4)
    assert store.scans["haadf"][2] == IMAGE[:4].tobytes()
    (told,) = eventually(lambda: store.events_of("scan"))
    assert told.frame_id == "haadf-e1-000000"
    assert told.data == {"row": 4, "rows": 10, "columns": 6}
    rows(client, IMAGE, 4, 10)
    end(client, IMAGE)
    assert not store.scans
    assert eventually(lambda: store.counts["rows:assembled"]) == 1
    assert (store.counts["rows:begun"], store.counts["rows:blocks"]) == (1, 2)


def test_two_streams_may_scan_at_once(client, store):
    for stream, image in (("a", IMAGE), ("b", IMAGE + 1)):
        begin(client, image, stream=stream)
    for first in range(0, 10, 2):
        for stream, image in (("a", IMAGE), ("b", IMAGE + 1)):
            assert rows(client, image, first, first + 2, stream=stream)["type"] == "rows-held"
    for stream, image in (("a", IMAGE), ("b", IMAGE + 1)):
        assert end(client, image, stream=stream)["type"] == "ack"
        assert store.frames[f"{stream}-e1-000000"][1] == image.tobytes()


def test_after_a_refused_block_the_frame_may_come_whole_without_a_gap(client, store):
    begin(client, IMAGE)
    fault = rows(client, IMAGE, 3, 4)
    assert (fault["type"], fault["code"], fault["about"]) == ("fault", "rows-out-of-order", "rows")
    assert (fault["epoch"], fault["sequence"]) == ("e1", 0)
    assert end(client, IMAGE)["about"] == "rows-end"
    ack = client.ask(*frame(0, IMAGE))
    assert (ack["type"], ack["gap"]) == ("ack", 0)
    assert client.ask(*frame(1))["gap"] == 0
    assert eventually(lambda: store.counts["rows:dropped:rows-out-of-order"]) == 1


def test_a_frame_that_comes_whole_ends_its_unfinished_rows(client, store):
    begin(client, IMAGE)
    rows(client, IMAGE, 0, 4)
    assert client.ask(*frame(0, IMAGE))["type"] == "ack"
    assert rows(client, IMAGE, 4, 10)["code"] == "rows-unknown"
    assert eventually(lambda: store.counts["rows:dropped:sent-whole"]) == 1
    assert not store.scans


def test_the_same_frame_by_rows_and_whole_is_one_frame(client, store):
    client.ask(*frame(0, IMAGE))
    begin(client, IMAGE)
    rows(client, IMAGE, 0, 10)
    assert end(client, IMAGE)["duplicate"] is True
    assert len(store.frames) == 1


def test_a_bridge_that_starts_anew_knows_no_rows_and_says_so(store):
    with running_bridge(store) as first, BareClient(first.address) as client:
        begin(client, IMAGE)
        rows(client, IMAGE, 0, 4)
    with running_bridge(store) as second, BareClient(second.address) as client:
        assert rows(client, IMAGE, 4, 10)["code"] == "rows-unknown"
        assert end(client, IMAGE)["code"] == "rows-unknown"
        assert client.ask(*frame(0, IMAGE))["type"] == "ack"


def test_while_the_store_is_down_rows_are_held_and_the_end_hears_busy(client, store):
    store.down = True
    assert begin(client, IMAGE)["type"] == "rows-held"
    assert rows(client, IMAGE, 0, 10)["held"] == 10
    assert end(client, IMAGE)["code"] == "store-down"
    store.down = False
    assert eventually(lambda: client.ask(*frame(0, IMAGE))["type"] == "ack")
    assert eventually(lambda: store.counts["rows:not-shown:store-down"]) == 1


def test_a_fault_of_the_service_over_rows_is_told_and_the_bridge_lives(client, store, caplog):
    store.broken = True
    assert begin(client, IMAGE)["code"] == "internal"
    store.broken = False
    assert client.ask(*frame(0, IMAGE))["type"] == "ack"
