"""A second sender with the same stream id: one is taken, the other waits, nothing acknowledged is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import BareClient, Listening, eventually, frame, head, running_bridge
from bridge.test_bridge_rows_socket import begin
from paretoscope.bridge.holds import CONTESTED_S, HELD_S, MAX_STREAMS, Holds
from paretoscope_client.sender import FrameSender

IMAGE = np.arange(64 * 48, dtype=np.uint16).reshape(64, 48)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def holds(clock):
    return Holds(clock)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def bridge(store):
    with running_bridge(store) as running:
        yield running


def test_a_second_sender_waits_while_the_first_is_heard(holds, clock):
    assert holds.claim("haadf", "night", 1)
    for _ in range(10):
        clock.now_s += HELD_S - 1
        assert not holds.claim("haadf", "other", 2)
        holds.heard(1)
    assert holds.contested() == ["haadf"]
    clock.now_s += HELD_S + 1
    assert holds.claim("haadf", "other", 2)
    assert not holds.claim("haadf", "night", 1)
    clock.now_s += CONTESTED_S
    assert holds.contested() == []


def test_the_same_sender_may_begin_anew_and_connect_again(holds):
    assert holds.claim("haadf", "one", 1)
    assert holds.claim("haadf", "two", 1)
    assert holds.claim("haadf", "two", 7)
    assert not holds.claim("haadf", "three", 1)


def test_a_stream_is_free_at_once_when_its_sender_ends_it_or_its_connection_closes(holds):
    assert holds.claim("haadf", "one", 1)
    holds.let_go("haadf", "another")
    assert not holds.claim("haadf", "two", 2)
    holds.let_go("haadf", "one")
    assert holds.claim("haadf", "two", 2)
    holds.gone(1)
    assert not holds.claim("haadf", "three", 3)
    holds.gone(2)
    assert holds.claim("haadf", "three", 3)


def test_after_a_restart_the_one_that_was_taken_before_goes_first(holds, clock):
    holds.recall("haadf", "night")
    assert not holds.claim("haadf", "other", 2)
    assert holds.claim("haadf", "night", 3)
    holds.recall("haadf", "other")
    assert not holds.claim("haadf", "other", 2)
    clock.now_s += HELD_S
    assert holds.claim("haadf", "other", 2)


def test_streams_that_are_remembered_are_bounded(holds):
    for number in range(2 * MAX_STREAMS):
        assert holds.claim(f"s{number}", "e", number)
    assert len(holds) == MAX_STREAMS


def test_a_leap_of_the_wall_clock_changes_nothing(store, monkeypatch):
    """Only the monotonic clock counts: 'lately' is no time of day."""
    with (
        running_bridge(store) as bridge,
        BareClient(bridge.address) as first,
        BareClient(bridge.address) as second,
    ):
        assert first.ask(*frame(0))["type"] == "ack"
        real = time.time
        for leap_s in (1e6, -1e6):
            monkeypatch.setattr(time, "time", lambda by=leap_s: real() + by)
            assert second.ask(*frame(0, epoch="e2"))["code"] == "stream-taken"
            first.ask(head("heartbeat"))


def test_two_senders_at_once_do_not_mix_and_the_second_takes_over_when_the_first_leaves(bridge, store):
    first = FrameSender(bridge.address, "haadf")
    with FrameSender(bridge.address, "haadf", queue_frames=64) as second:
        done = [first.send(IMAGE + number).wait(10) for number in range(3)]
        waiting = [second.send(IMAGE + number) for number in range(3)]
        assert eventually(lambda: second.taken)
        done += [first.send(IMAGE + number).wait(10) for number in range(3, 6)]
        assert not any(receipt.outcome for receipt in waiting)
        assert eventually(lambda: store.contested == ["haadf"])
        (told,) = [one for one in store.events_of("fault") if one.data["code"] == "stream-taken"]
        assert told.stream == "haadf"
        begun = time.monotonic()
        first.close()
        done += [receipt.wait(10) for receipt in waiting]
        assert time.monotonic() - begun < HELD_S, "its connection was closed: no need to wait for silence"
        assert not second.taken
    assert list(store.frames) == [ack.frame_id for ack in done]
    assert [ack.gap for ack in done] == [0] * 9
    assert bridge.counters["bridge:busy:stream-taken"] >= 1


def test_a_second_sender_may_not_show_rows_either(bridge):
    with BareClient(bridge.address) as first, BareClient(bridge.address) as second:
        assert first.ask(*frame(0))["type"] == "ack"
        refused = begin(second, np.ones((4, 6), "<u2"), epoch="e2")
        assert (refused["type"], refused["code"], refused["about"]) == ("fault", "stream-taken", "rows-begin")
        busy = second.ask(head("end", stream="haadf", epoch="e2", frames=0))
        assert (busy["type"], busy["code"]) == ("busy", "stream-taken")
        assert first.ask(head("end", stream="haadf", epoch="e1", frames=1))["type"] == "ack"
        assert second.ask(*frame(0, epoch="e2"))["type"] == "ack"


def test_two_senders_with_one_epoch_are_told_where_their_numbers_meet(bridge, store):
    """Which of them it is cannot be told from one that connected again; what is stored stays as it is."""
    with BareClient(bridge.address) as first, BareClient(bridge.address) as second:
        assert first.ask(*frame(0))["type"] == "ack"
        met = second.ask(*frame(0, np.ones((4, 6), "<u2")))
        assert (met["code"], met["retry"]) == ("sequence-reused", False)
        assert second.ask(*frame(0))["duplicate"] is True
        assert second.ask(*frame(1))["type"] == "ack"
        assert first.ask(*frame(1, np.zeros((4, 6), "<u2")))["code"] == "sequence-reused"
    assert [pixels for _, pixels in store.frames.values()] == [frame(0)[1], frame(1)[1]]


def test_the_first_keeps_its_stream_over_a_restart_of_the_bridge(store):
    with running_bridge(store) as bridge:
        address = bridge.address
        with BareClient(address) as first:
            first.ask(*frame(0))
    with running_bridge(store, Listening(address)), BareClient(address) as second:
        assert second.ask(*frame(0, epoch="e2"))["code"] == "stream-taken"
        with BareClient(address) as first:
            assert first.ask(*frame(1))["gap"] == 0
            assert second.ask(*frame(0, epoch="e2"))["code"] == "stream-taken"


SENDER = """
import sys, time
import numpy as np
from paretoscope_client.sender import FrameSender
sender = FrameSender(sys.argv[1], "haadf")
for number in range(1000):
    sender.send(np.full((8, 8), number, np.uint16)).wait(30)
    print("ack", flush=True)
    time.sleep(0.05)
"""


@contextmanager
def sending(address: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that sends; its first frame has been acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", SENDER, address],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process


def test_an_instrument_that_was_killed_takes_over_from_itself_at_once(bridge, store):
    with sending(bridge.address) as old:
        old.send_signal(signal.SIGKILL)
        old.wait()
        begun = time.monotonic()
        with FrameSender(bridge.address, "haadf") as new:
            assert new.send(IMAGE).wait(10).gap == 0
        assert time.monotonic() - begun < HELD_S


def test_an_instrument_that_hangs_keeps_its_stream_for_a_stated_time_only(bridge, store):
    """Its connection stays open: the kernel answers for it."""
    with sending(bridge.address) as old:
        old.send_signal(signal.SIGSTOP)
        try:
            with FrameSender(bridge.address, "haadf") as new:
                assert new.send(IMAGE).wait(HELD_S + 10).gap == 0
                assert new.counters["busy"] >= 1
        finally:
            old.kill()
