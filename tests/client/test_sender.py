"""The sender against a real bridge on a real socket."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import zmq

from bridge.memory_store import MemoryStore
from bridge.running import Listening, eventually, running_bridge
from paretoscope.bridge.security import make_keys
from paretoscope.errors import BadFrame, BadParameters, Busy
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
    with FrameSender(bridge.address, "haadf", ack_timeout_s=0.5) as opened:
        yield opened


def free_address() -> str:
    with zmq.Context() as context, context.socket(zmq.REP) as socket:
        return f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}"


def test_a_frame_is_in_the_store_when_its_receipt_says_so(sender, store):
    ack = sender.send(IMAGE, pixel_size_nm=0.02, dwell_us=5.0, detector="HAADF").wait(10)
    header, pixels = store.frames[ack.frame_id]
    assert pixels == IMAGE.tobytes()
    assert header.pixel_size_nm == (0.02, 0.02)
    assert (header.detector, header.sequence, header.epoch) == ("HAADF", 0, sender.epoch)
    assert header.monotonic_ns


@pytest.mark.parametrize(
    "view",
    [IMAGE.T, IMAGE[::2, ::3], IMAGE.astype(">u2"), IMAGE.astype(np.float16), IMAGE > 5, IMAGE.tolist()],
)
def test_any_layout_of_the_same_image_arrives_as_that_image(sender, store, view):
    if isinstance(view, list):
        with pytest.raises(BadFrame, match="bad-dtype"):
            sender.send(view)
        return
    ack = sender.send(view).wait(10)
    header, pixels = store.frames[ack.frame_id]
    arrived = np.frombuffer(pixels, np.dtype(header.dtype).newbyteorder("<")).reshape(header.shape)
    assert np.array_equal(arrived, view)


def test_the_caller_may_reuse_its_buffer_at_once(sender, store):
    buffer = IMAGE.copy()
    receipt = sender.send(buffer)
    buffer[:] = 0
    assert store.frames[receipt.wait(10).frame_id][1] == IMAGE.tobytes()


@pytest.mark.parametrize(
    ("image", "meta", "code"),
    [
        (np.zeros(5, np.uint8), {}, "bad-shape"),
        (np.zeros((0, 5), np.uint8), {}, "bad-shape"),
        (np.zeros((2, 2, 3), np.uint8), {}, "bad-shape"),
        (np.zeros((2, 2), complex), {}, "bad-dtype"),
        (np.zeros((2, 2), object), {}, "bad-dtype"),
        (IMAGE, {"dwell_us": -1.0}, "bad-header"),
        (IMAGE, {"pixel_size_nm": 0.0}, "bad-header"),
        (IMAGE, {"acquired_end": "2026-11-21T09:30:00"}, "bad-header"),
        (IMAGE, {"dwel_us": 1.0}, "bad-header"),
    ],
)
def test_what_the_bridge_would_refuse_is_refused_before_it_is_queued(sender, image, meta, code):
    with pytest.raises(BadFrame) as refusal:
        sender.send(image, **meta)
    assert refusal.value.code == code
    assert sender.send(IMAGE).wait(10).gap == 0


def test_frames_keep_their_order(sender, store):
    for _ in range(30):
        sender.send(IMAGE).wait(10)
    assert [header.sequence for header, _ in store.frames.values()] == list(range(30))
    assert sender.counters["acknowledged"] == 30


def test_it_may_start_before_the_bridge(store):
    address = free_address()
    with FrameSender(address, "haadf") as sender:
        receipts = [sender.send(IMAGE) for _ in range(3)]
        with pytest.raises(Busy, match="not-acknowledged"):
            receipts[0].wait(0.2)
        assert not sender.connected
        with running_bridge(store, Listening(address)):
            assert [receipt.wait(10).gap for receipt in receipts] == [0, 0, 0]
            assert sender.connected


def test_a_bridge_that_restarts_misses_nothing(store):
    address = free_address()
    with FrameSender(address, "haadf", queue_frames=100, ack_timeout_s=0.5) as sender:
        receipts = []
        for _ in range(3):
            with running_bridge(store, Listening(address)):
                receipts += [sender.send(IMAGE) for _ in range(5)]
                receipts[-3].wait(10)
            receipts += [sender.send(IMAGE) for _ in range(2)]
        with running_bridge(store, Listening(address)):
            acks = [receipt.wait(10) for receipt in receipts]
    assert len(store.frames) == len(receipts) == 21
    assert sum(ack.gap for ack in acks) == 0


def test_sending_never_waits_for_a_bridge_that_does_not_read():
    """A bound socket that accepts the connection and never answers."""
    with zmq.Context() as context, context.socket(zmq.ROUTER) as deaf:
        address = f"tcp://127.0.0.1:{deaf.bind_to_random_port('tcp://127.0.0.1')}"
        sender = FrameSender(address, "haadf", queue_frames=4, ack_timeout_s=0.1)
        receipts = [sender.send(IMAGE) for _ in range(50)]
        assert eventually(lambda: sender.counters.get("timed-out", 0) >= 2)
        assert sender.counters["waiting"] <= 5
        sender.close(drain_s=0.1)
        assert sender.counters["waiting"] == 0
        assert all(receipt.outcome is not None for receipt in receipts)
        assert sender.counters["dropped:oldest"] + sender.counters["dropped:closed"] == 50


def test_dropped_frames_show_as_a_gap(store):
    address = free_address()
    with FrameSender(address, "haadf", queue_frames=2) as sender:
        receipts = [sender.send(IMAGE) for _ in range(6)]
        with running_bridge(store, Listening(address)):
            assert receipts[-1].wait(10)
            sender.flush(10)
            assert (
                sender.end().wait(10).gap == sender.counters["dropped:oldest"] == sender.counters["missing"]
            )


def test_with_the_policy_wait_a_full_queue_makes_room_first(bridge, store):
    with FrameSender(bridge.address, "haadf", queue_frames=1, when_full="wait", wait_s=10.0) as sender:
        receipts = [sender.send(IMAGE) for _ in range(20)]
        assert all(receipt.wait(10) for receipt in receipts)
    assert len(store.frames) == 20


def test_waiting_for_room_has_an_end():
    with FrameSender(free_address(), "haadf", queue_frames=1, when_full="wait", wait_s=0.05) as sender:
        sender.send(IMAGE)
        with pytest.raises(Busy, match="dropped-queue-full"):
            sender.send(IMAGE).wait(0)
        sender.close(drain_s=0)


def test_a_busy_bridge_is_asked_again_until_it_takes_the_frame(sender, store):
    store.down = True
    receipt = sender.send(IMAGE)
    assert eventually(lambda: sender.counters.get("busy", 0) >= 2)
    store.down = False
    assert receipt.wait(10).duplicate is False
    assert list(store.frames) == [receipt.frame_id]


def test_a_frame_whose_acknowledgement_was_lost_is_stored_once(bridge, store):
    put, held = store.put_frame, threading.Event()
    store.put_frame = lambda *args, **more: (held.wait(5), put(*args, **more))[1]
    with FrameSender(bridge.address, "haadf", ack_timeout_s=0.1) as sender:
        receipt = sender.send(IMAGE)
        assert eventually(lambda: sender.counters.get("timed-out"))
        held.set()
        assert receipt.wait(10)
    assert len(store.frames) == 1


def test_a_series_ends_and_the_next_frame_begins_a_new_epoch(sender, store):
    sender.send(IMAGE)
    first = sender.epoch
    assert sender.end().wait(10).gap == 0
    ack = sender.send(IMAGE).wait(10)
    assert (ack.sequence, ack.gap) == (0, 0)
    assert ack.epoch != first
    (end,) = store.events_of("end")
    assert end.data["frames"] == 1


def test_closing_drains_what_is_queued(bridge, store):
    with FrameSender(bridge.address, "haadf", queue_frames=50) as sender:
        for _ in range(20):
            sender.send(IMAGE)
    assert len(store.frames) == 20
    with pytest.raises(Busy, match="sender-closed"):
        sender.send(IMAGE)
    sender.close()


def test_an_idle_sender_is_heard(bridge):
    with FrameSender(bridge.address, "haadf", heartbeat_s=0.05) as sender:
        assert eventually(lambda: sender.connected)
        time.sleep(0.3)
        assert sender.connected
    assert bridge.counters == {}


def test_many_threads_may_send(sender, store):
    def work() -> None:
        for _ in range(10):
            sender.send(IMAGE).wait(10)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.frames) == 40
    assert sender.counters["missing"] == 0


@pytest.mark.parametrize("address", ["", "nowhere", "tcp://", "http://127.0.0.1:80"])
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(BadParameters):
        FrameSender(address, "haadf")


def test_with_its_key_it_sends_to_a_guarded_bridge(tmp_path, store):
    (secret,) = make_keys(tmp_path, "spectra")
    with running_bridge(store, Listening("tcp://*:0", tmp_path)) as bridge:
        address = f"tcp://127.0.0.1:{bridge.address.rpartition(':')[2]}"
        with FrameSender(address, "haadf", keys=(secret, tmp_path / "bridge.key")) as sender:
            assert sender.send(IMAGE).wait(10)
    with pytest.raises(BadParameters, match="keys"):
        FrameSender(address, "haadf", keys=(tmp_path / "none", tmp_path / "bridge.key"))
