from __future__ import annotations

import threading
from datetime import UTC, datetime

import msgpack
import numpy as np
import pytest

from paretoscope.adapters.store import Store
from paretoscope.contract import AtomMap, Event, Fault, Ledger, ParetoFront, StreamPolicy
from paretoscope.contract.codec import pack
from paretoscope.errors import BadFrame, Busy, NotFound
from paretoscope.settings import Limits
from store.helpers import atom_map, frame, front, guard, ledger


def work(store: Store, **header: object) -> str:
    """Put a frame through to its result."""
    described, pixels = frame(**header)
    store.put_frame(described, pixels)
    claim = store.claim_frame("w")
    assert claim is not None
    store.finish_frame(claim, [atom_map(claim.frame_id), front(claim.frame_id), ledger(claim.frame_id)])
    return claim.frame_id


def kinds(store: Store) -> list[str]:
    return [event.kind for _, event in store.read_events("0")]


def test_a_frame_comes_out_as_it_went_in(store: Store) -> None:
    header, pixels = frame(detector="HAADF", pixel_size_nm=(0.02, 0.02))
    assert store.put_frame(header, pixels)
    claim = store.claim_frame("w")
    assert claim is not None
    assert claim.header == header
    assert claim.deliveries == 1
    np.testing.assert_array_equal(claim.pixels, pixels)
    np.testing.assert_array_equal(store.pixels(header.frame_id), pixels)
    assert store.header(header.frame_id) == header


def test_the_same_frame_twice_is_one_frame(store: Store) -> None:
    header, pixels = frame()
    assert store.put_frame(header, pixels.tobytes()) is True
    assert store.put_frame(header, memoryview(pixels.tobytes())) is False
    assert store.frames("stem") == [header.frame_id]
    assert kinds(store) == ["frame"]
    assert store.claim_frame("w") is not None
    assert store.claim_frame("w") is None


def test_a_number_that_belongs_to_other_pixels_is_refused(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    with pytest.raises(BadFrame) as told:
        store.put_frame(header.model_copy(update={"crc32": header.crc32 ^ 1}), pixels)
    assert told.value.code == "sequence-reused"
    assert store.frames("stem") == [header.frame_id]


def test_a_frame_is_queued_then_worked_on_then_done(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    assert store.state(header.frame_id) == "queued"
    claim = store.claim_frame("w")
    assert claim is not None
    assert store.state(header.frame_id) == "working"
    store.finish_frame(claim, [atom_map(header.frame_id)])
    assert store.state(header.frame_id) == "done"


def test_early_results_are_seen_before_the_frame_is_finished(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    store.publish(header.frame_id, [atom_map(header.frame_id, count=4)])
    seen = store.document(header.frame_id, AtomMap)
    assert seen is not None
    assert seen.count == 4
    assert store.document(header.frame_id, ParetoFront) is None
    assert store.latest("stem") is None


def test_publishing_the_same_again_changes_nothing_and_tells_nobody(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    assert store.publish(header.frame_id, [atom_map(header.frame_id)]) is True
    assert store.publish(header.frame_id, [atom_map(header.frame_id)]) is False
    assert kinds(store) == ["frame", "progress"]


def test_finishing_twice_gives_one_result_and_one_event(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    claim = store.claim_frame("w")
    assert claim is not None
    documents = [
        atom_map(header.frame_id),
        front(header.frame_id),
        ledger(header.frame_id),
        guard(header.frame_id),
    ]
    assert store.finish_frame(claim, documents) is True
    assert store.finish_frame(claim, documents) is False
    assert kinds(store) == ["frame", "result"]
    assert store.counters()["frames:done"] == 1
    _, result = store.read_events("0")[-1]
    assert result.data["atoms"] == 3
    assert result.data["qc"] == pytest.approx(0.1)
    assert result.data["met"] is True
    assert result.data["reasons"] == ["simulated"]


def test_an_older_revision_never_replaces_a_newer_one(store: Store) -> None:
    frame_id = work(store)
    store.publish(frame_id, [atom_map(frame_id, count=7, revision=2)])
    store.publish(frame_id, [atom_map(frame_id, count=5, revision=1)])
    seen = store.document(frame_id, AtomMap)
    assert seen is not None
    assert (seen.count, seen.revision) == (7, 2)


def test_a_failed_frame_keeps_its_fault_and_is_counted_by_code(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    claim = store.claim_frame("w")
    assert claim is not None
    store.fail_frame(claim, Fault(code="constant-image", hint="Every pixel is 7."))
    assert store.state(header.frame_id) == "failed"
    fault = store.document(header.frame_id, Fault)
    assert fault is not None
    assert fault.code == "constant-image"
    assert store.counters()["fault:constant-image"] == 1
    assert store.latest("stem") is None
    assert kinds(store)[-1] == "fault"


def test_a_silent_workers_frame_goes_to_another_one(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    first = store.claim_frame("dies")
    second = store.claim_frame("lives", block_s=5.0)
    assert first is not None
    assert second is not None
    assert second.frame_id == first.frame_id
    assert second.deliveries == 2


def test_a_worker_that_says_it_is_alive_keeps_its_frame(store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    held = store.claim_frame("slow")
    assert held is not None
    stop = threading.Event()

    def keep() -> None:
        while not stop.wait(0.05):
            store.keep(held, "slow")

    keeper = threading.Thread(target=keep)
    keeper.start()
    try:
        assert store.claim_frame("other", block_s=1.0) is None
    finally:
        stop.set()
        keeper.join()
    assert store.finish_frame(held, [atom_map(held.frame_id)])


def test_a_restarted_worker_of_the_same_name_gets_its_frame_back_at_once(server, store: Store) -> None:
    header, pixels = frame()
    store.put_frame(header, pixels)
    store.claim_frame("same")
    with Store.open(server.url, claim_idle_s=3600.0) as reborn:
        again = reborn.claim_frame("same")
    assert again is not None
    assert again.frame_id == header.frame_id


def test_a_full_backlog_says_busy_and_stores_nothing(store: Store) -> None:
    for sequence in range(8):
        store.put_frame(*frame(sequence))
    with pytest.raises(Busy, match="backlog-full"):
        store.put_frame(*frame(8))
    assert len(store.frames("stem")) == 8
    claim = store.claim_frame("w")
    assert claim is not None
    store.finish_frame(claim, [])
    assert store.put_frame(*frame(8))


def test_a_backlog_of_large_frames_is_bounded_in_bytes(server, store: Store) -> None:
    with Store.open(server.url, Limits(backlog_mb=1)) as small:
        small.put_frame(*frame(0, side=600))
        with pytest.raises(Busy):
            small.put_frame(*frame(1, side=600))


def test_history_forgets_the_oldest_worked_frames_only(store: Store) -> None:
    waiting, pixels = frame(0)
    store.put_frame(waiting, pixels)
    held = store.claim_frame("slow")
    done = [work(store, sequence=sequence) for sequence in range(1, 9)]
    kept = store.frames("stem")
    assert kept == [*reversed(done[-5:]), waiting.frame_id]
    assert store.state(waiting.frame_id) == "working"
    with pytest.raises(NotFound, match="no-such-frame"):
        store.header(done[0])
    assert held is not None
    store.finish_frame(held, [atom_map(held.frame_id)])
    assert len(store.frames("stem")) == 5
    assert len(store._redis.keys("ps:pixels:*")) == 5


def test_the_newest_result_outlives_any_number_of_failures(store: Store) -> None:
    good = work(store, sequence=0)
    for sequence in range(1, 12):
        store.put_frame(*frame(sequence))
        claim = store.claim_frame("w")
        assert claim is not None
        store.fail_frame(claim, Fault(code="constant-image", hint="x"))
    assert store.latest("stem") == good
    assert store.document(good, AtomMap) is not None


def test_missing_sequence_numbers_are_counted_as_a_gap(store: Store) -> None:
    for sequence in (0, 1, 5):
        store.put_frame(*frame(sequence))
    late, pixels = frame(3)
    store.put_frame(late, pixels)
    ids = [frame(sequence)[0].frame_id for sequence in (0, 1, 5, 3)]
    assert [store.gap(frame_id) for frame_id in ids] == [0, 0, 3, 0]
    assert store.counters()["frames:missing"] == 3


def test_where_only_the_newest_counts_older_frames_are_dropped_and_counted(store: Store) -> None:
    store.set_policy("stem", StreamPolicy(drop="newest"))
    ids = []
    for sequence in range(4):
        header, pixels = frame(sequence)
        store.put_frame(header, pixels)
        ids.append(header.frame_id)
    claim = store.claim_frame("w")
    assert claim is not None
    assert claim.frame_id == ids[-1]
    assert [store.state(frame_id) for frame_id in ids[:-1]] == ["dropped"] * 3
    assert store.counters()["frames:dropped"] == 3
    assert kinds(store).count("drop") == 3


def test_latest_is_the_newest_by_arrival_not_by_finishing(store: Store) -> None:
    first, second = frame(0), frame(1)
    store.put_frame(*first)
    store.put_frame(*second)
    slow, fast = store.claim_frame("slow"), store.claim_frame("fast")
    assert slow is not None
    assert fast is not None
    store.finish_frame(fast, [ledger(fast.frame_id)])
    store.finish_frame(slow, [ledger(slow.frame_id)])
    assert store.latest("stem") == second[0].frame_id
    assert store.document(first[0].frame_id, Ledger) is not None


def test_what_is_not_there_is_not_found(store: Store) -> None:
    for ask in (store.header, store.pixels, store.state, store.gap, store.next_revision):
        with pytest.raises(NotFound):
            ask("stem-e1-000000")
    with pytest.raises(NotFound):
        store.document("stem-e1-000000", AtomMap)
    with pytest.raises(NotFound):
        store.publish("stem-e1-000000", [atom_map("stem-e1-000000")])
    assert store.latest("nobody") is None
    assert store.frames("nobody") == []


def test_many_threads_put_and_claim_every_frame_once(store: Store) -> None:
    store.limits = Limits(backlog_frames=1000, history_frames=1000)
    claimed: list[str] = []

    def put(stream: str) -> None:
        for sequence in range(20):
            store.put_frame(*frame(sequence, stream=stream))

    def claim(consumer: str) -> None:
        while (found := store.claim_frame(consumer, block_s=0.3)) is not None:
            store.finish_frame(found, [atom_map(found.frame_id)])
            claimed.append(found.frame_id)

    store.claim_idle_s = 30.0
    threads = [threading.Thread(target=put, args=(f"s{n}",)) for n in range(3)]
    threads += [threading.Thread(target=claim, args=(f"c{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 60


def test_workers_gone_for_long_are_forgotten_unless_they_hold_a_frame(store: Store) -> None:
    store.put_frame(*frame())
    assert store.claim_frame("holds") is not None
    store.claim_idle_s = 3600.0
    assert store.claim_frame("idle") is None
    threading.Event().wait(0.05)
    assert store.sweep_consumers(idle_s=0.01) == 1
    names = {one["name"] for one in store._redis.xinfo_consumers("ps:work", "workers")}
    assert names == {b"holds"}


def test_a_frame_that_cannot_be_read_is_failed_and_the_next_one_worked(store: Store) -> None:
    for sequence in range(2):
        store.put_frame(*frame(sequence))
    broken = frame(0)[0].frame_id
    newer = msgpack.unpackb(store._redis.hget(f"ps:frame:{broken}", "header"))
    store._redis.hset(f"ps:frame:{broken}", "header", msgpack.packb(newer | {"version": [2, 0]}))
    claim = store.claim_frame("w")
    assert claim is not None
    assert claim.frame_id == frame(1)[0].frame_id
    assert store.state(broken) == "failed"
    fault = store.document(broken, Fault)
    assert fault is not None
    assert "contract 2.0" in fault.hint
    assert fault.code == "unreadable-frame"


def test_event_ids_grow_although_the_stores_clock_was_set_back(store: Store) -> None:
    ahead = "9999999999999-7"  # as of a clock that was far ahead
    store._redis.xadd("ps:events", {"e": pack(Event(kind="end", at="2286-11-20T17:46:39Z"))}, id=ahead)
    store.put_frame(*frame())
    ((entry, event),) = store.read_events(ahead)
    assert (entry, event.kind) == ("9999999999999-8", "frame")


def test_the_stream_that_goes_is_the_one_without_news_whatever_the_clock_said(store: Store) -> None:
    store.limits = Limits(streams=2)
    for stream, hour in (("old", 12), ("live", 3)):  # the clock was set back in between
        at = datetime(2026, 11, 21, hour, tzinfo=UTC)
        store.put_frame(*frame(stream=stream), received_at=at)
        claim = store.claim_frame("w")
        assert claim is not None
        store.finish_frame(claim, [])
    store.put_frame(*frame(stream="new"))
    assert {one.stream for one in store.streams()} == {"live", "new"}
