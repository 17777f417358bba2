"""From other machines only known keys may send."""

from __future__ import annotations

import pytest
import zmq
import zmq.auth

from bridge.memory_store import MemoryStore
from bridge.running import BareClient, Listening, eventually, frame, running_bridge
from paretoscope.bridge import Bridge
from paretoscope.bridge.security import is_local, make_keys
from paretoscope.errors import BadParameters


@pytest.fixture
def keys(tmp_path):
    make_keys(tmp_path / "keys", "spectra")
    return tmp_path / "keys"


@pytest.fixture
def guarded(keys):
    with running_bridge(MemoryStore(), Listening("tcp://*:0", keys)) as bridge:
        yield bridge


class KeyedClient(BareClient):
    def __init__(self, bridge, keys, secret):
        super().__init__("inproc://nowhere")
        self.socket.disconnect("inproc://nowhere")
        public_key, secret_key = zmq.auth.load_certificate(secret)
        self.socket.setsockopt(zmq.CURVE_PUBLICKEY, public_key)
        self.socket.setsockopt(zmq.CURVE_SECRETKEY, secret_key)
        self.socket.setsockopt(zmq.CURVE_SERVERKEY, zmq.auth.load_certificate(keys / "bridge.key")[0])
        port = bridge.address.rpartition(":")[2]
        self.socket.connect(f"tcp://127.0.0.1:{port}")


def test_a_client_on_the_allow_list_is_answered(guarded, keys):
    with KeyedClient(guarded, keys, keys / "clients" / "spectra.key_secret") as client:
        assert client.ask(*frame(0))["type"] == "ack"


def test_a_client_with_a_key_of_its_own_making_is_not(guarded, keys, tmp_path):
    _, secret = zmq.auth.create_certificates(tmp_path, "stranger")
    with KeyedClient(guarded, keys, secret) as client:
        client.send(*frame(0))
        assert eventually(lambda: guarded.counters.get("bridge:handshake-refused"))
        assert not client.socket.poll(100)


def test_a_client_without_a_key_is_not(guarded):
    with BareClient(f"tcp://127.0.0.1:{guarded.address.rpartition(':')[2]}") as client:
        client.send(*frame(0))
        assert not client.socket.poll(500)


def test_a_folder_without_an_allow_list_does_not_open_the_door(tmp_path):
    with pytest.raises(BadParameters, match="keys-missing"):
        Bridge(MemoryStore(), Listening("tcp://*:0", tmp_path)).bind()
    make_keys(tmp_path)
    with pytest.raises(BadParameters, match="keys-missing"):
        Bridge(MemoryStore(), Listening("tcp://*:0", tmp_path)).bind()


def test_a_key_is_not_overwritten(keys):
    with pytest.raises(BadParameters, match="spectra"):
        make_keys(keys, "spectra")


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("tcp://127.0.0.1:5555", True),
        ("tcp://127.8.0.1:5555", True),
        ("tcp://localhost:5555", True),
        ("tcp://[::1]:5555", True),
        ("ipc:///run/frames", True),
        ("tcp://0.0.0.0:5555", False),
        ("tcp://*:5555", False),
        ("tcp://[::]:5555", False),
        ("tcp://localhost.example.org:5555", False),
        ("tcp://eth0:5555", False),
    ],
)
def test_what_counts_as_this_machine(address, local):
    assert is_local(address) is local
