"""Cut connections, restarts and a store that comes and goes: what was acknowledged is there, once, whole."""

from __future__ import annotations

import contextlib
import os
import random
import socket
import threading
import time

import numpy as np

from bridge.memory_store import MemoryStore
from bridge.running import BareClient, Listening, frame, running_bridge
from paretoscope_client.sender import FrameSender


class CuttingProxy:
    """Passes TCP through and cuts every connection after a random number of bytes."""

    def __init__(self, target: tuple[str, int], longest: int, seed: int) -> None:
        self._target, self._longest, self._random = target, longest, random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self._listener.getsockname()[1]}"
        self.cutting = True
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            budget = self._random.randrange(1, self._longest) if self.cutting else None
            threading.Thread(target=self._pump, args=(near, far, budget), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, None), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, budget: int | None) -> None:
        with contextlib.suppress(OSError):  # the other direction cut it
            while data := source.recv(4096 if budget is None else min(4096, budget)):
                sink.sendall(data)
                if budget is not None and (budget := budget - len(data)) <= 0:
                    self.cuts += 1
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):  # closed already
                end.shutdown(socket.SHUT_RDWR)
            end.close()


def image(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 65535, (64, 64)).astype(np.uint16)


def test_through_a_network_that_cuts_every_connection_each_frame_arrives_once_and_whole():
    store = MemoryStore()
    with running_bridge(store) as bridge:
        proxy = CuttingProxy(("127.0.0.1", int(bridge.address.rpartition(":")[2])), longest=60_000, seed=1)
        with FrameSender(proxy.address, "haadf", queue_frames=100, ack_timeout_s=0.3) as sender:
            receipts = [sender.send(image(number)) for number in range(40)]
            acks = [receipt.wait(60) for receipt in receipts]
        proxy.close()
    assert proxy.cuts >= 3
    assert [store.frames[ack.frame_id][1] for ack in acks] == [image(n).tobytes() for n in range(40)]
    assert len(store.frames) == 40
    assert sum(ack.gap for ack in acks) == 0


def test_through_restarts_and_a_store_that_comes_and_goes_nothing_is_lost_or_doubled():
    store, order = MemoryStore(), random.Random(2)
    with running_bridge(store) as first:
        address = first.address
    senders = [FrameSender(address, f"s{n}", queue_frames=200, ack_timeout_s=0.3) for n in range(3)]
    receipts = []
    for _ in range(5):
        with running_bridge(store, Listening(address)):
            for number in range(6):
                receipts += [sender.send(image(number)) for sender in senders]
                store.down = order.random() < 0.3
                time.sleep(0.02)
            store.down = False
    with running_bridge(store, Listening(address)):
        acks = [receipt.wait(60) for receipt in receipts]
        for sender in senders:
            assert sender.end().wait(30).gap == 0
            sender.close()
    assert {ack.frame_id for ack in acks} == set(store.frames)
    assert len(store.frames) == 90
    for sender in senders:
        mine = [header.sequence for header, _ in store.frames.values() if header.stream == sender.stream]
        assert mine == list(range(30))


def test_random_bytes_at_the_door_disturb_nobody():
    store, noise = MemoryStore(), random.Random(3)
    with running_bridge(store) as bridge, BareClient(bridge.address) as client:
        port = int(bridge.address.rpartition(":")[2])
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
        for number in range(60):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.sendall((greeting if number % 2 else b"") + os.urandom(noise.randrange(1, 400)))
            if number % 20 == 0:
                assert client.ask(*frame(number // 20))["type"] == "ack"
    assert len(store.frames) == 3
