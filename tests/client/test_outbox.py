"""Frames wait, go out, come back and are settled: the rules alone, with no socket and a clock by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.bridge.session import Session
from paretoscope.contract import Ack, BusyNotice, Fault, StreamEnd
from paretoscope.errors import BadFrame, Busy, Incompatible
from paretoscope_client.outbox import MAX_ENDS, MAX_REFUSALS, Letter, Outbox
from paretoscope_client.pixels import header_for, wire_bytes
from paretoscope_client.receipt import Receipt


def letter(sequence: int, side: int = 2) -> Letter:
    pixels, shape, dtype = wire_bytes(np.zeros((side, side), np.uint8))
    header = header_for("s", "e", sequence, shape, dtype, {})
    return Letter(Receipt("s", "e", sequence), header, pixels)


def ack(sequence: int, **more) -> Ack:
    return Ack(frame_id=f"s-e-{sequence:06d}", stream="s", epoch="e", sequence=sequence, **more)


def busy(sequence: int, retry_after_s: float = 0.5) -> BusyNotice:
    return BusyNotice(
        code="store-down", hint="-", retry_after_s=retry_after_s, stream="s", epoch="e", sequence=sequence
    )


def filled(count: int, **settings) -> tuple[Outbox, list[Letter]]:
    outbox, letters = Outbox(**settings), [letter(n) for n in range(count)]
    for one in letters:
        outbox.put(one)
    return outbox, letters


def send(outbox: Outbox, now_s: float) -> Letter:
    one = outbox.next(now_s)
    assert one is not None
    outbox.sent(one, now_s)
    return one


def test_one_frame_is_in_flight_until_it_is_acknowledged():
    outbox, (first, second) = filled(2)
    assert send(outbox, 0.0) is first
    assert outbox.next(0.0) is None
    outbox.on_reply(ack(0), 0.1)
    assert first.receipt.wait(0).sequence == 0
    assert outbox.next(0.1) is second


def test_an_unacknowledged_frame_is_sent_again_and_each_time_with_more_patience():
    outbox, (first,) = filled(1, ack_timeout_s=2.0)
    now_s, waits = 0.0, []
    for _ in range(4):
        assert send(outbox, now_s) is first
        waits.append(first.expires_s - now_s)
        assert not outbox.expired(first.expires_s - 0.01)
        now_s = first.expires_s
        assert outbox.expired(now_s)
    assert np.diff(waits).min() > 0
    assert outbox.counts["resent"] == 3


def test_busy_means_wait_and_send_the_same_frame_first():
    outbox, (first, _) = filled(2, window=2)
    send(outbox, 0.0)
    send(outbox, 0.0)
    outbox.on_reply(busy(0, retry_after_s=0.5), 1.0)
    assert outbox.next(1.4) is None
    assert outbox.wake_s(1.0) == pytest.approx(1.5)
    assert outbox.next(1.5) is first


def test_busy_again_and_again_backs_off_to_a_limit():
    outbox, _ = filled(1)
    now_s, pauses = 0.0, []
    for _ in range(12):
        send(outbox, now_s)
        outbox.on_reply(busy(0, retry_after_s=0.01), now_s)
        pauses.append(outbox.wake_s(now_s) - now_s)
        now_s = outbox.wake_s(now_s)
    assert np.diff(pauses).min() > -1e-9
    assert pauses[-1] == pytest.approx(5.0)


def test_a_fault_settles_the_frame_with_the_bridges_words():
    outbox, (first, second) = filled(2)
    send(outbox, 0.0)
    outbox.on_reply(Fault(code="bad-size", hint="Check the dtype.", epoch="e", sequence=0), 0.0)
    with pytest.raises(BadFrame, match="bad-size: Check the dtype"):
        first.receipt.wait(0)
    assert outbox.next(0.0) is second


def test_a_fault_worth_a_retry_is_tried_a_few_times():
    outbox, (first,) = filled(1)
    for attempt in range(MAX_REFUSALS):
        send(outbox, 100.0 * attempt)
        outbox.on_reply(
            Fault(code="bad-checksum", hint="-", retry=True, epoch="e", sequence=0), 100.0 * attempt
        )
    with pytest.raises(BadFrame, match="bad-checksum"):
        first.receipt.wait(0)
    assert len(outbox) == 0


def test_a_bridge_of_another_major_version_is_told_as_incompatible():
    outbox, (first,) = filled(1)
    send(outbox, 0.0)
    outbox.on_reply(Fault(code="incompatible", hint="contract 2.0"), 0.0)
    with pytest.raises(Incompatible):
        first.receipt.wait(0)


def test_a_lost_connection_sends_again_at_once_and_in_order():
    outbox, (first, second) = filled(2, window=2)
    send(outbox, 0.0)
    send(outbox, 0.0)
    outbox.lost_connection()
    assert [send(outbox, 0.0), send(outbox, 0.0)] == [first, second]


@pytest.mark.parametrize(
    ("policy", "kept", "reason"),
    [
        ("drop-oldest", [1, 2], "oldest"),
        ("drop-newest", [0, 1], "queue-full"),
        ("wait", [0, 1], "queue-full"),
    ],
)
def test_when_full_one_gives_way_and_is_counted(policy, kept, reason):
    outbox, letters = Outbox(capacity=2), [letter(n) for n in range(3)]
    for one in letters:
        outbox.put(one, policy)
    assert outbox.counts == {f"dropped:{reason}": 1}
    assert [one.receipt.sequence for one in letters if one.receipt.outcome is None] == kept
    (dropped,) = (one for one in letters if one.receipt.outcome is not None)
    with pytest.raises(Busy, match=f"dropped-{reason}"):
        dropped.receipt.wait(0)


def test_the_queue_is_bounded_in_bytes_too():
    outbox = Outbox(capacity=100, capacity_bytes=30)
    for sequence in range(5):
        outbox.put(letter(sequence, side=4))
    assert len(outbox) == 1


def test_ends_are_kept_but_not_without_limit():
    outbox = Outbox(capacity=1)
    for number in range(100):
        outbox.put(Letter(Receipt("s", f"e{number}", 0), StreamEnd(stream="s", epoch="e", frames=0)))
    assert len(outbox) == 1 + MAX_ENDS


def test_a_stray_answer_is_counted_and_changes_nothing():
    outbox, _ = filled(1)
    outbox.on_reply(ack(0), 0.0)
    outbox.on_reply(Fault(code="bad-header", hint="-"), 0.0)
    assert outbox.counts["stray"] == 2
    assert len(outbox) == 1


happenings = st.lists(st.sampled_from(["send", "arrive", "lose", "busy", "cut", "wait"]), max_size=120)


@settings(deadline=None)
@given(happenings, st.integers(1, 3))
def test_whatever_happens_on_the_way_every_frame_is_stored_once_and_none_is_missing(happenings, window):
    outbox, letters = filled(4, window=window, capacity=10)
    session, stored, wire, now_s = Session(), [], [], 0.0

    def arrive() -> None:
        header = wire.pop(0).document
        duplicate = session.is_duplicate(header)
        if not duplicate:
            stored.append(header.sequence)
        outbox.on_reply(session.duplicate(header) if duplicate else session.stored(header, new=True), now_s)

    for happening in happenings:
        now_s += 0.1
        if happening == "send" and outbox.next(now_s):
            wire.append(send(outbox, now_s))
        elif happening == "arrive" and wire:
            arrive()
        elif happening == "lose" and wire:
            wire.pop(0)
        elif happening == "busy" and wire:
            outbox.on_reply(busy(wire.pop(0).receipt.sequence), now_s)
        elif happening == "cut":
            wire.clear()
            outbox.lost_connection()
        elif happening == "wait":
            now_s += 100.0
            if outbox.expired(now_s):
                wire.clear()
    for _ in range(40):
        now_s += 100.0
        if outbox.expired(now_s):
            wire.clear()
        while outbox.next(now_s):
            wire.append(send(outbox, now_s))
        while wire:
            arrive()
    assert len(outbox) == 0
    assert sorted(stored) == [0, 1, 2, 3]
    assert all(one.receipt.wait(0) for one in letters)
