from __future__ import annotations

import threading

import numpy as np
import pytest

from paretoscope.adapters.store import Store
from paretoscope.contract import Event, LatticeSpec, StreamMemory, StreamPolicy
from paretoscope.errors import BadParameters, StoreDown
from paretoscope.settings import Limits
from store.helpers import atom_map, frame


def test_streams_are_summed_up_the_newest_first(store: Store) -> None:
    store.put_frame(*frame(0, stream="old"))
    store.put_frame(*frame(0, stream="new"))
    store.put_frame(*frame(1, stream="new"))
    claim = store.claim_frame("w")
    assert claim is not None
    store.finish_frame(claim, [atom_map(claim.frame_id)])
    new, old = store.streams()
    assert (new.stream, new.frames, new.queued, new.newest_result) == ("new", 2, 2, None)
    assert new.newest_frame == "new-e1-000001"
    assert (old.stream, old.frames, old.queued, old.newest_result) == ("old", 1, 0, "old-e1-000000")
    assert old.last_seen.endswith("Z")


def test_a_policy_is_the_default_until_it_is_set(store: Store) -> None:
    assert store.policy("stem") == StreamPolicy()
    mine = StreamPolicy(lattice=LatticeSpec(a_nm=0.39, b_nm=0.39, gamma_deg=90.0), deadline_s=0.6)
    store.set_policy("stem", mine)
    assert store.policy("stem") == mine
    assert store.read_events("0")[-1][1].kind == "policy"


def test_a_class_keeps_the_operators_name_whatever_the_frames_remember(store: Store) -> None:
    store.name_class("stem", 2, "Si dopant")
    store.set_memory(
        "stem",
        StreamMemory(
            class_centroids=np.ones((3, 5, 5), np.float32), class_ids=[0, 1, 2], class_names={2: "?"}
        ),
    )
    held = store.memory("stem")
    assert held.class_names == store.class_names("stem") == {2: "Si dopant"}
    np.testing.assert_array_equal(held.class_centroids, np.ones((3, 5, 5)))
    store.name_class("stem", 2, None)
    assert store.class_names("stem") == {}


def test_a_listener_resumes_where_it_stopped(store: Store) -> None:
    ids = [
        store.append_event(Event(kind="worker", at="2026-11-21T09:30:00Z", data={"n": n})) for n in range(5)
    ]
    assert [event.data["n"] for _, event in store.read_events(ids[2])] == [3, 4]
    assert [entry for entry, _ in store.read_events("0", count=2)] == ids[:2]
    assert store.last_event_id() == ids[-1]
    assert store.read_events(ids[-1]) == []


def test_a_waiting_listener_hears_the_next_event(store: Store) -> None:
    heard: list[str] = []
    listener = threading.Thread(
        target=lambda: heard.extend(e.kind for _, e in store.read_events("0", block_s=10.0))
    )
    listener.start()
    store.append_event(Event(kind="end", stream="stem", at="2026-11-21T09:30:00Z"))
    listener.join()
    assert heard == ["end"]


def test_the_event_log_is_bounded(server) -> None:
    with Store.open(server.url, Limits(events=50)) as small:
        small._redis.flushall()
        for n in range(500):
            small.append_event(Event(kind="worker", at="2026-11-21T09:30:00Z", data={"n": n}))
        kept = small.read_events("0", count=1000)
    assert len(kept) < 250
    assert kept[-1][1].data["n"] == 499


def test_counters_add_up(store: Store) -> None:
    assert store.count("fault:bad-frame") == 1
    assert store.count("fault:bad-frame", 2) == 3
    assert store.counters() == {"fault:bad-frame": 3}


def test_a_worker_is_seen_while_it_gives_signs_of_life(store: Store) -> None:
    store.beat("host-1", pid=42, device="cpu", state="ready", ttl_s=30.0)
    store.beat("host-2", pid=43, device="cpu", state="working", detail="stem-e1-000000", ttl_s=0.01)
    threading.Event().wait(0.05)
    (seen,) = store.workers()
    assert (seen.consumer, seen.pid, seen.state) == ("host-1", 42, "ready")


def test_a_store_that_is_not_there_is_told_as_such(tmp_path) -> None:
    with Store.open(f"unix://{tmp_path}/nobody.sock") as nobody:
        for ask in (nobody.ping, nobody.streams, nobody.counters, lambda: nobody.claim_frame("w")):
            with pytest.raises(StoreDown, match="REDIS_URL") as told:
                ask()
            assert told.value.retry
        with pytest.raises(StoreDown):
            nobody.put_frame(*frame())


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(BadParameters, match="REDIS_URL"):
        Store.open("http://somewhere")


def test_a_new_stream_pushes_out_the_one_not_seen_for_longest(server) -> None:
    with Store.open(server.url, Limits(streams=3)) as small:
        small._redis.flushall()
        small.put_frame(*frame(0, stream="waits"))
        for name in ("a", "b", "c"):
            small.put_frame(*frame(0, stream=name))
            claim = small.claim_frame(f"w-{name}")
            while claim is not None and claim.header.stream == "waits":
                claim = small.claim_frame(f"w-{name}")
            assert claim is not None
            small.finish_frame(claim, [atom_map(claim.frame_id)])
        assert {one.stream for one in small.streams()} == {"waits", "b", "c"}
        assert small._redis.keys("ps:*:a*") == []


@pytest.mark.parametrize("wrong", ["", "x", "-1", "1-2-3", "9" * 40])
def test_what_is_no_event_id_is_refused(store: Store, wrong: str) -> None:
    with pytest.raises(BadParameters, match="bad-event-id"):
        store.read_events(wrong)
