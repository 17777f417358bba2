"""Frames handed over row by row: the bridge gets them as they come, and the whole frame whatever happens."""

from __future__ import annotations

import threading
import time

import msgpack
import numpy as np
import pytest
import zmq

from bridge.memory_store import MemoryStore
from bridge.running import Listening, eventually, running_bridge
from client.test_sender import free_address
from paretoscope.errors import BadFrame, Busy
from paretoscope_client.sender import FrameSender

IMAGE = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def bridge(store):
    with running_bridge(store) as running:
        yield running


@pytest.fixture
def sender(bridge):
    with FrameSender(bridge.address, "haadf", ack_timeout_s=0.5, heartbeat_s=0.05) as opened:
        assert eventually(lambda: opened._outbox.lane.spoken)
        yield opened


def scan_of(sender: FrameSender, image: np.ndarray = IMAGE, step: int = 16, **meta):
    scan = sender.begin(image.shape, image.dtype, **meta)
    for first in range(0, len(image), step):
        scan.rows(image[first : first + step])
    return scan


def pixels_of(store: MemoryStore, frame_id: str) -> bytes:
    return store.frames[frame_id][1]


def test_a_frame_given_row_by_row_is_stored_as_if_sent_whole(sender, store):
    by_rows = scan_of(sender, pixel_size_nm=0.02).end(dwell_us=5.0).wait(10)
    whole = sender.send(IMAGE, pixel_size_nm=0.02, dwell_us=5.0).wait(10)
    (ours, pixels), (theirs, _) = (store.frames[ack.frame_id] for ack in (by_rows, whole))
    assert pixels == IMAGE.tobytes()
    same = {"sequence": 0, "monotonic_ns": None}
    assert ours.model_copy(update=same) == theirs.model_copy(update=same)
    assert (by_rows.gap, whole.gap, ours.sequence, theirs.sequence) == (0, 0, 0, 1)
    assert (sender.counters["by-rows"], sender.counters["rows-sent"]) == (1, 5)


def test_rows_are_at_the_bridge_while_the_scan_still_runs(sender, store):
    scan = sender.begin(IMAGE.shape, IMAGE.dtype)
    assert scan.rows(IMAGE[:10]) == 10
    assert eventually(lambda: store.scans.get("haadf", (0, 0, b""))[2] == IMAGE[:10].tobytes())
    scan.rows(IMAGE[10])
    assert eventually(lambda: store.scans["haadf"][2] == IMAGE[:11].tobytes())
    scan.rows(IMAGE[11:])
    assert scan.end().wait(10).frame_id == scan.frame_id


def test_the_caller_may_reuse_its_buffer_at_once(sender, store):
    buffer = np.empty((16, 48), np.uint16)
    with sender.begin(IMAGE.shape, "uint16") as scan:
        for first in range(0, 64, 16):
            buffer[:] = IMAGE[first : first + 16]
            scan.rows(buffer)
            buffer[:] = 0
    assert pixels_of(store, scan.receipt.wait(10).frame_id) == IMAGE.tobytes()


def test_big_endian_and_strided_rows_arrive_as_the_same_image(sender, store):
    scan = sender.begin((64, 24), np.dtype(">u2"))
    scan.rows(IMAGE.astype(">u2")[:32, ::2])
    scan.rows(IMAGE[32:, ::2])
    assert pixels_of(store, scan.end().wait(10).frame_id) == IMAGE[:, ::2].tobytes()


def test_scans_one_after_the_other_all_go_by_rows(sender, store):
    receipts = []
    for number in range(20):
        receipts.append(scan_of(sender, IMAGE + number).end())
        receipts[-1].wait(10)
    assert [header.sequence for header, _ in store.frames.values()] == list(range(20))
    assert sender.counters["by-rows"] == 20


def test_scans_without_a_pause_between_them_lose_nothing(bridge, store):
    with FrameSender(bridge.address, "haadf", queue_frames=50) as sender:
        receipts = [scan_of(sender, IMAGE + number, 8).end() for number in range(30)]
        for number, receipt in enumerate(receipts):
            ack = receipt.wait(10)
            assert ack.gap == 0
            assert pixels_of(store, ack.frame_id) == (IMAGE + number).tobytes()
        assert sender.counters["by-rows"] > 0


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        (np.zeros((4, 47), np.uint16), "bad-shape"),
        (np.zeros((65, 48), np.uint16), "bad-shape"),
        (np.zeros((2, 2, 48), np.uint16), "bad-shape"),
        (np.zeros((4, 48), np.int16), "bad-dtype"),
    ],
)
def test_rows_of_no_such_frame_are_refused_at_once_and_the_scan_goes_on(sender, store, rows, code):
    scan = sender.begin(IMAGE.shape, "uint16")
    with pytest.raises(BadFrame) as refusal:
        scan.rows(rows)
    assert refusal.value.code == code
    scan.rows(IMAGE)
    assert scan.rows(IMAGE[:0]) == 64
    scan.end().wait(10)


@pytest.mark.parametrize(
    ("shape", "dtype", "meta", "code"),
    [
        ((0, 5), "uint16", {}, "bad-shape"),
        ((5,), "uint16", {}, "bad-shape"),
        (None, "uint16", {}, "bad-shape"),
        ((5, 5), "nonsense", {}, "bad-shape"),
        ((5, 5), "complex64", {}, "bad-dtype"),
        ((16384, 16384), "float64", {}, "too-large"),
        ((5, 5), "uint8", {"dwell_us": -1.0}, "bad-header"),
        ((5, 5), "uint8", {"dwel_us": 1.0}, "bad-header"),
    ],
)
def test_a_scan_that_the_bridge_would_refuse_is_not_begun(sender, shape, dtype, meta, code):
    with pytest.raises(BadFrame) as refusal:
        sender.begin(shape, dtype, **meta)
    assert refusal.value.code == code
    assert sender.send(IMAGE).wait(10).sequence == 0


def test_a_scan_that_was_given_up_leaves_no_gap(sender, store):
    scan_of(sender).cancel()
    with pytest.raises(ZeroDivisionError), sender.begin(IMAGE.shape, "uint16") as scan:
        scan.rows(IMAGE[: 20 // 0])
    sender.begin(IMAGE.shape, "uint16").rows(IMAGE[:3])
    ack = scan_of(sender, IMAGE + 1).end().wait(10)
    assert (ack.sequence, ack.gap) == (0, 0)
    assert pixels_of(store, ack.frame_id) == (IMAGE + 1).tobytes()
    assert sender.counters["cancelled"] == 3


def test_a_scan_ends_once_and_only_with_all_its_rows(sender):
    scan = sender.begin(IMAGE.shape, "uint16")
    scan.rows(IMAGE[:63])
    with pytest.raises(BadFrame, match="63 of 64"):
        scan.end()
    scan.rows(IMAGE[63])
    scan.end()
    for again in (scan.end, lambda: scan.rows(IMAGE[:1])):
        with pytest.raises(Busy, match="scan-over"):
            again()
    with pytest.raises(BadFrame, match="0 of 64"), sender.begin(IMAGE.shape, "uint16"):
        pass


def test_the_end_of_a_series_gives_up_the_open_scan(sender, store):
    scan_of(sender).end().wait(10)
    sender.begin(IMAGE.shape, "uint16")
    assert (sender.end().wait(10).sequence, sender.counters["cancelled"]) == (1, 1)


def test_when_the_bridge_starts_anew_in_the_middle_of_a_scan_the_frame_goes_whole(store):
    address = free_address()
    with FrameSender(address, "haadf", ack_timeout_s=0.5, heartbeat_s=0.05) as sender:
        with running_bridge(store, Listening(address)):
            scan = sender.begin(IMAGE.shape, "uint16")
            scan.rows(IMAGE[:32])
            assert eventually(lambda: store.scans.get("haadf", (0, 0, b""))[2])
        scan.rows(IMAGE[32:48])
        with running_bridge(store, Listening(address)):
            scan.rows(IMAGE[48:])
            ack = scan.end().wait(10)
            assert pixels_of(store, ack.frame_id) == IMAGE.tobytes()
            assert sender.counters["fell-back:lost-connection"] == 1
            assert eventually(lambda: sender._outbox.lane.spoken)
            scan_of(sender).end().wait(10)
            assert sender.counters["by-rows"] == 1


def test_a_scan_may_begin_before_the_bridge_does(store):
    address = free_address()
    with FrameSender(address, "haadf", ack_timeout_s=0.5, heartbeat_s=0.05) as sender:
        scan = sender.begin(IMAGE.shape, "uint16")
        scan.rows(IMAGE[:32])
        with running_bridge(store, Listening(address)):
            assert eventually(lambda: store.scans.get("haadf", (0, 0, b""))[2])
            scan.rows(IMAGE[32:])
            scan.end().wait(10)
        assert sender.counters["by-rows"] == 1


def test_while_the_store_is_down_the_frame_waits_and_arrives_whole(sender, store):
    store.down = True
    receipt = scan_of(sender).end()
    assert eventually(lambda: sender.counters.get("busy"))
    store.down = False
    assert pixels_of(store, receipt.wait(10).frame_id) == IMAGE.tobytes()
    assert sender.counters["fell-back:store-down"] == 1


def test_a_block_that_the_bridge_refuses_costs_only_the_rows(sender, store, monkeypatch):
    scan = sender.begin(IMAGE.shape, "uint16")
    scan.rows(IMAGE[:8])
    assert eventually(lambda: store.scans.get("haadf", (0, 0, b""))[2])
    scan._crc32 ^= 1  # as if a bit had turned on the way
    scan.rows(IMAGE[8:16])
    assert eventually(lambda: sender.counters.get("fell-back:bad-checksum"))
    scan._crc32 = 0
    scan.rows(IMAGE[16:])
    ack = scan.end().wait(10)
    assert (ack.gap, pixels_of(store, ack.frame_id)) == (0, IMAGE.tobytes())


def test_a_refused_end_is_followed_by_the_whole_frame(sender, store):
    scan = sender.begin(IMAGE.shape, "uint16")
    scan.rows(IMAGE)
    assert eventually(lambda: store.scans.get("haadf", (0, 0, b""))[2])
    scan._crc32 ^= 1
    ack = scan.end().wait(10)
    assert pixels_of(store, ack.frame_id) == IMAGE.tobytes()
    assert sender.counters["fell-back:bad-checksum"] == 1


def old_bridge(version: list[int], taken: list[dict], stop: threading.Event, address: str) -> None:
    """Speaks what version 1.0 spoke: anything but frame, end and heartbeat is 'unknown-type'."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        socket.bind(address)
        while not stop.is_set():
            if not socket.poll(50):
                continue
            peer, *parts = socket.recv_multipart()
            head = msgpack.unpackb(parts[0])
            named = {name: head.get(name) for name in ("stream", "epoch", "sequence")}
            taken.append(head)
            answer = {"schema": "paretoscope", "version": version, **named}
            if head["type"] == "frame":
                frame_id = f"{head['stream']}-{head['epoch']}-{head['sequence']:06d}"
                answer |= {"type": "ack", "frame_id": frame_id, "duplicate": False, "gap": 0}
            elif head["type"] == "heartbeat":
                answer = {**answer, "type": "heartbeat", "monotonic_ns": 0}
                del answer["epoch"], answer["sequence"]
            else:
                hint = "Clients send frame or end or heartbeat; this message says another type."
                answer |= {"type": "fault", "code": "unknown-type", "hint": hint, "retry": False}
            socket.send_multipart([peer, msgpack.packb(answer)])


@pytest.mark.parametrize("version", [[1, 0], [1, 1]])
def test_an_older_bridge_gets_whole_frames(version):
    """Whether it says its version, or only that it does not know these messages."""
    address, taken, stop = free_address(), [], threading.Event()
    thread = threading.Thread(target=old_bridge, args=(version, taken, stop, address))
    thread.start()
    try:
        with FrameSender(address, "haadf", heartbeat_s=0.05) as sender:
            assert eventually(lambda: sender._outbox.lane.spoken is not None)
            for _ in range(3):
                scan = sender.begin(IMAGE.shape, "uint16")
                for row in IMAGE:
                    scan.rows(row)
                scan.end().wait(10)
            told = sender.counters
    finally:
        stop.set()
        thread.join()
    frames = [head["sequence"] for head in taken if head["type"] == "frame"]
    assert frames == [0, 1, 2]
    assert not [name for name in told if name.startswith(("refused", "dropped"))]
    if version == [1, 0]:
        assert {head["type"] for head in taken} == {"frame", "heartbeat"}


def test_an_idle_sender_says_now_and_then_that_it_is_there():
    address, taken, stop = free_address(), [], threading.Event()
    thread = threading.Thread(target=old_bridge, args=([1, 1], taken, stop, address))
    thread.start()
    try:
        with FrameSender(address, "haadf", heartbeat_s=0.02):
            assert eventually(lambda: len(taken) > 4)
    finally:
        stop.set()
        thread.join()
    assert {head["type"] for head in taken} == {"heartbeat"}


def test_handing_over_rows_never_waits_for_the_network():
    with FrameSender(free_address(), "haadf") as sender:
        begun = time.monotonic()
        for _ in range(50):
            scan_of(sender, step=1).end()
        assert time.monotonic() - begun < 5.0
        assert sender.counters["dropped:oldest"] == 50 - 8
        assert len(sender._outbox.lane._waiting) <= 8 * 65
        sender.close(drain_s=0.0)


def test_a_storm_of_refusals_loses_no_frame(bridge, store):
    """Whatever part of a scan is damaged on its way, the frame arrives."""
    rng = np.random.default_rng(1)
    with FrameSender(bridge.address, "haadf", queue_frames=100, heartbeat_s=0.05) as sender:
        lane = sender._outbox.lane
        original = lane.put

        def damaging(slip):
            if rng.random() < 0.05 and slip.pixels is not None:
                document = slip.document.model_copy(update={"crc32": int(rng.integers(2**32))})
                slip = type(slip)(document, slip.pixels)
            original(slip)

        lane.put = damaging
        receipts = [scan_of(sender, IMAGE + n, int(rng.integers(1, 65))).end() for n in range(60)]
        for number, receipt in enumerate(receipts):
            assert pixels_of(store, receipt.wait(20).frame_id) == (IMAGE + number).tobytes()
        assert (
            sender.counters["by-rows"]
            + sum(count for name, count in sender.counters.items() if name.startswith("fell-back"))
            <= 60
        )
