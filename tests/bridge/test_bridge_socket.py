"""The bridge on a real socket, with a client that knows only ZeroMQ, msgpack and zlib."""

from __future__ import annotations

import socket as tcp
import threading
import time

import numpy as np
import pytest
import zmq

from bridge.memory_store import MemoryStore
from bridge.running import BareClient, Listening, eventually, frame, head, running_bridge
from paretoscope.bridge import Bridge
from paretoscope.contract.wire import MAX_HEADER_BYTES
from paretoscope.errors import AddressInUse, BadParameters


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


def test_a_frame_is_acknowledged_once_the_store_has_it(client, store):
    ack = client.ask(*frame(0))
    assert ack["type"] == "ack"
    assert (ack["frame_id"], ack["duplicate"], ack["gap"]) == ("haadf-e1-000000", False, 0)
    header, pixels = store.frames["haadf-e1-000000"]
    assert header.shape == (4, 6)
    assert pixels == frame(0)[1]


def test_a_duplicate_is_answered_once_and_not_stored_again(client, store):
    client.ask(*frame(0))
    again = client.ask(*frame(0))
    assert (again["type"], again["duplicate"]) == ("ack", True)
    assert not client.socket.poll(100)
    assert len(store.frames) == 1


def test_a_gap_is_told_recorded_and_counted(client, store):
    client.ask(*frame(0))
    assert client.ask(*frame(4))["gap"] == 3
    assert store.gaps["haadf-e1-000004"] == 3
    (gap,) = eventually(lambda: store.events_of("gap"))
    assert gap.data == {"missing": 3, "epoch": "e1", "before": 4}


def test_after_a_restart_of_the_bridge_a_running_source_has_no_gap(store):
    with running_bridge(store) as first, BareClient(first.address) as client:
        for sequence in range(3):
            client.ask(*frame(sequence))
    with running_bridge(store) as second, BareClient(second.address) as client:
        assert client.ask(*frame(1))["duplicate"] is True
        assert client.ask(*frame(3))["gap"] == 0
        assert client.ask(*frame(50))["gap"] == 46
    with running_bridge(store) as third, BareClient(third.address) as client:
        assert client.ask(*frame(51, nbytes=1))["type"] == "fault"
        assert client.ask(*frame(52))["gap"] == 0
    with running_bridge(store) as fourth, BareClient(fourth.address) as client:
        assert client.ask(head("end", stream="haadf", epoch="e1", frames=55))["gap"] == 2


def test_an_end_is_acknowledged_and_names_what_is_missing(client, store):
    client.ask(*frame(0))
    ack = client.ask(head("end", stream="haadf", epoch="e1", frames=3))
    assert (ack["type"], ack["frame_id"], ack["sequence"], ack["gap"]) == ("ack", "haadf-e1-end", 3, 2)
    again = client.ask(head("end", stream="haadf", epoch="e1", frames=3))
    assert again["duplicate"] is True
    (end,) = store.events_of("end")
    assert end.data == {"epoch": "e1", "frames": 3, "missing": 2}


def test_a_heartbeat_comes_back(client):
    beat = client.ask(head("heartbeat", stream="haadf", monotonic_ns=123))
    assert (beat["type"], beat["monotonic_ns"]) == ("heartbeat", 123)


def test_while_the_store_is_down_frames_hear_busy_and_are_welcome_later(client, store):
    store.down = True
    busy = client.ask(*frame(0))
    assert (busy["type"], busy["code"], busy["sequence"]) == ("busy", "store-down", 0)
    assert client.ask(head("end", stream="haadf", epoch="e1", frames=1))["type"] == "busy"
    store.down = False
    time.sleep(busy["retry_after_s"])
    assert eventually(lambda: client.ask(*frame(0))["type"] == "ack")
    assert eventually(lambda: store.counts["bridge:busy:store-down"]) >= 2


def test_a_full_backlog_makes_busy(client, store):
    store.capacity = 1
    client.ask(*frame(0))
    busy = client.ask(*frame(1))
    assert (busy["type"], busy["code"]) == ("busy", "backlog-full")
    store.capacity = 2
    assert client.ask(*frame(1))["type"] == "ack"


def test_a_fault_of_the_service_itself_is_told_and_the_bridge_lives(client, store, caplog):
    store.broken = True
    fault = client.ask(*frame(0))
    assert (fault["type"], fault["code"], fault["retry"]) == ("fault", "internal", True)
    store.broken = False
    assert client.ask(*frame(0))["type"] == "ack"


BAD = [
    ("bad-parts", [b""]),
    ("bad-parts", [frame(0)[0]]),
    ("bad-parts", [*frame(0), b"more"]),
    ("header-too-large", [bytes(MAX_HEADER_BYTES + 1), b""]),
    ("bad-header", [b"\xc1", b"1"]),
    ("bad-header", [b"GET / HTTP/1.1", b""]),
    ("unknown-type", [head("picture")]),
    ("bad-shape", list(frame(0, shape=[-4, -6]))),
    ("bad-shape", list(frame(0, shape=[0, 6]))),
    ("bad-dtype", list(frame(0, dtype="object"))),
    ("bad-size", list(frame(0, nbytes=7))),
    ("bad-size", [frame(0)[0], b"short"]),
    ("bad-checksum", [frame(1)[0], bytes(48)]),
]


def test_everything_unsound_is_a_counted_fault_and_the_next_frame_is_taken(client, store):
    for code, parts in BAD:
        fault = client.ask(*parts)
        assert (fault["type"], fault["code"]) == ("fault", code)
        assert fault["hint"]
    assert client.ask(*frame(0))["type"] == "ack"
    assert len(store.frames) == 1
    assert eventually(lambda: store.counts["fault:bad-checksum"]) == 1
    assert store.counts["fault:bad-parts"] == 3
    told = eventually(lambda: {event.data["code"] for event in store.events_of("fault")})
    assert {code for code, _ in BAD} <= told


def test_another_major_version_is_refused_in_words(client):
    fault = client.ask(frame(0, version=[2, 0])[0], frame(0)[1])
    assert (fault["code"], fault["retry"]) == ("incompatible", False)


def test_a_number_used_twice_for_different_pixels_is_a_fault(client):
    client.ask(*frame(0))
    fault = client.ask(*frame(0, np.ones((4, 6), "<u2")))
    assert (fault["code"], fault["sequence"]) == ("sequence-reused", 0)


def test_a_thousand_junk_messages_make_few_events(client, store):
    for _ in range(1000):
        client.send(b"junk", b"x")
    for _ in range(1000):
        assert client.answer()["type"] == "fault"
    assert eventually(lambda: store.counts["fault:bad-header"] == 1000)
    assert len(store.events_of("fault")) < 100
    assert sum(event.data["count"] for event in store.events_of("fault")) == 1000


def test_faults_counted_while_the_store_was_down_are_written_when_it_is_back(client, store):
    store.down = True
    client.ask(b"junk", b"x")
    store.down = False
    assert eventually(lambda: store.counts["fault:bad-header"]) == 1


def test_port_scans_and_web_browsers_are_counted_and_harmless(bridge, client):
    port = int(bridge.address.rpartition(":")[2])
    for greeting in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\xff" * 200):
        with tcp.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(greeting)
    assert eventually(lambda: bridge.counters.get("bridge:handshake-failed", 0) >= 3)
    assert client.ask(*frame(0))["type"] == "ack"


def test_a_client_that_leaves_before_its_answer_is_counted(bridge, store):
    slow = threading.Event()
    put = store.put_frame
    store.put_frame = lambda *args, **more: slow.wait(5) and put(*args, **more)
    with BareClient(bridge.address) as leaving:
        leaving.send(*frame(0))
        time.sleep(0.2)
    time.sleep(0.3)
    slow.set()
    assert eventually(lambda: bridge.counters.get("bridge:reply-unreachable"))
    store.put_frame = put
    with BareClient(bridge.address) as later:
        assert later.ask(*frame(1))["type"] == "ack"


def test_a_message_larger_than_any_frame_ends_that_connection_only(bridge, client):
    port = int(bridge.address.rpartition(":")[2])
    with tcp.create_connection(("127.0.0.1", port)) as stranger:
        # A ZMTP 3.0 greeting, a READY command, then a message part that claims a terabyte.
        stranger.sendall(b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31))
        ready = b"\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
        stranger.sendall(b"\x04" + bytes([len(ready)]) + ready)
        stranger.sendall(b"\x02" + (2**40).to_bytes(8, "big"))
        stranger.settimeout(10)
        while stranger.recv(4096):
            pass
    assert client.ask(*frame(0))["type"] == "ack"


def test_a_busy_port_is_said_and_names_the_way_out(bridge):
    with pytest.raises(AddressInUse, match="PARETOSCOPE_FRAMES"):
        Bridge(MemoryStore(), Listening(bridge.address)).bind()


@pytest.mark.parametrize(
    "address", ["tcp://0.0.0.0:5555", "tcp://*:5555", "tcp://192.168.1.5:5555", "tcp://[::]:5555"]
)
def test_listening_beyond_this_machine_needs_keys(address):
    with pytest.raises(BadParameters, match="keys-needed"):
        Bridge(MemoryStore(), Listening(address)).bind()


@pytest.mark.parametrize(
    "address", ["", "5555", "http://127.0.0.1:1", "tcp://127.0.0.1", "tcp://127.0.0.1:x"]
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(BadParameters):
        Bridge(MemoryStore(), Listening(address)).bind()


def test_it_also_listens_on_a_local_socket_file(tmp_path):
    store = MemoryStore()
    listening = Listening(f"ipc://{tmp_path}/frames")
    with running_bridge(store, listening) as bridge, BareClient(bridge.address) as client:
        assert client.ask(*frame(0))["type"] == "ack"


def test_a_client_that_returns_under_its_own_name_is_answered(bridge):
    for sequence in range(2):
        with BareClient(bridge.address) as client:
            client.socket.disconnect(bridge.address)
            client.socket.setsockopt(zmq.ROUTING_ID, b"fixed-name")
            client.socket.connect(bridge.address)
            assert client.ask(*frame(sequence))["type"] == "ack"
