"""The other end is gone without a word: it hangs, or packets no longer arrive. Both sides notice it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import eventually, running_bridge
from chaos._network import in_a_world_of_its_own, refusal
from paretoscope_client.sender import FrameSender

IMAGE = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)
NOTICED_S = 20.0
"""The heartbeat gives up after 6 to 8 s; the rest is for a busy machine."""
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

SENDER = """
import sys, time
import numpy as np
from paretoscope_client.sender import FrameSender
sender = FrameSender(sys.argv[1], "haadf")
sender.send(np.ones((8, 8), np.uint16)).wait(30)
print("ack", flush=True)
time.sleep(600)
"""
BRIDGE = """
import threading
from bridge.memory_store import MemoryStore
from bridge.running import Listening
from paretoscope.bridge import Bridge
bridge = Bridge(MemoryStore(), Listening())
print(bridge.bind(), flush=True)
bridge.run(threading.Event())
"""


@contextmanager
def program(source: str, *words: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A process of its own, and its first line."""
    command = [sys.executable, "-c", source, *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def connections(port: int) -> int:
    """Open ones at this port of this process."""
    open_ones = psutil.Process().net_connections("tcp")
    return sum(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in open_ones)


@pytest.mark.slow
def test_the_bridge_lets_go_of_a_sender_that_hangs():
    with running_bridge(MemoryStore()) as bridge:
        port = int(bridge.address.rpartition(":")[2])
        with program(SENDER, bridge.address) as (sender, told):
            assert told == "ack"
            assert connections(port) == 1
            sender.send_signal(signal.SIGSTOP)
            assert eventually(lambda: connections(port) == 0, NOTICED_S)
            sender.send_signal(signal.SIGCONT)
            assert eventually(lambda: connections(port) == 1, NOTICED_S), "it comes back by itself"


def test_a_sender_notices_a_bridge_that_hangs_keeps_its_frames_and_never_waits():
    with program(BRIDGE) as (bridge, address), FrameSender(address, "haadf", queue_frames=50) as sender:
        sender.send(IMAGE).wait(30)
        assert eventually(lambda: sender.connected)
        bridge.send_signal(signal.SIGSTOP)
        begun = time.monotonic()
        waiting = [sender.send(IMAGE + number) for number in range(5)]
        assert time.monotonic() - begun < 5.0
        assert eventually(lambda: not sender.connected, NOTICED_S)
        assert not any(receipt.outcome for receipt in waiting)
        bridge.send_signal(signal.SIGCONT)
        assert [receipt.wait(30).gap for receipt in waiting] == [0] * 5
        assert eventually(lambda: sender.connected)


CUT = """
import subprocess, sys, time
from bridge.memory_store import MemoryStore
from bridge.running import eventually, running_bridge
from bridge.test_half_open import IMAGE, NOTICED_S, connections
from paretoscope_client.sender import FrameSender

def loopback(state):
    subprocess.run(["ip", "link", "set", "lo", state], check=True)

loopback("up")
store = MemoryStore()
with running_bridge(store) as bridge, FrameSender(bridge.address, "haadf", queue_frames=50) as sender:
    port = int(bridge.address.rpartition(":")[2])
    sender.send(IMAGE).wait(30)
    assert eventually(lambda: sender.connected)
    loopback("down")                       # nobody says goodbye: packets are gone
    waiting = [sender.send(IMAGE + number) for number in range(5)]
    assert eventually(lambda: not sender.connected, NOTICED_S), "the sender never noticed"
    assert eventually(lambda: connections(port) == 0, NOTICED_S), "the bridge never noticed"
    loopback("up")
    assert [receipt.wait(30).gap for receipt in waiting] == [0] * 5
    assert len(store.frames) == 6
print("noticed by both")
"""


def test_both_sides_notice_that_the_other_vanished_without_a_word():
    reason = refusal()
    if reason:
        pytest.skip(reason)
    asked = subprocess.run(
        in_a_world_of_its_own([sys.executable, "-c", CUT]),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert asked.stdout.strip() == "noticed by both", asked.stderr[-2000:]
