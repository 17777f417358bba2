"""What a worker held goes on at once when it is known to have ended."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import Choice
from store.helpers import frame


@pytest.fixture
def store(server: EmbeddedStore) -> Iterator[Store]:
    with Store.open(server.url, claim_idle_s=60.0) as opened:
        opened._redis.flushall()
        yield opened


def test_a_frame_of_a_worker_known_dead_goes_to_another_at_once(store: Store) -> None:
    store.put_frame(*frame(0))
    old = store.claim_frame("dead")
    assert old is not None
    assert store.claim_frame("other") is None
    assert store.release("dead") == 1
    new = store.claim_frame("other")
    assert new is not None
    assert (new.frame_id, new.deliveries) == (old.frame_id, 2)
    assert not store.finish_frame(old, [])
    assert store.claim_frame("dead") is None


def test_a_choice_is_handed_over_too(store: Store) -> None:
    header, pixels = frame(0)
    store.put_frame(header, pixels)
    store.submit_choice(Choice(frame_id=header.frame_id, stream="stem", point=0))
    assert store.claim_choice("dead") is not None
    assert store.claim_choice("other") is None
    assert store.release("dead") == 1
    assert store.claim_choice("other") is not None


def test_a_stop_is_not_counted_against_the_frame(store: Store) -> None:
    store.put_frame(*frame(0))
    for name in ("a", "b", "c", "d", "e"):
        claim = store.claim_frame(name)
        assert claim is not None
        assert claim.deliveries == 1
        store.release(name, forgive=True)


def test_letting_go_of_nothing_is_nothing(store: Store) -> None:
    assert store.release("unheard-of") == 0
    store.put_frame(*frame(0))
    assert store.claim_frame("a") is not None
    assert store.release("b") == 0
    assert store.claim_frame("b") is None


def test_a_frame_knows_how_many_of_its_workers_hung(store: Store) -> None:
    header, pixels = frame(0)
    store.put_frame(header, pixels)
    assert store.claim_frame("a") is not None
    store.worker_ended("a", "hung", exit_code=-9, frame_id=header.frame_id)
    store.worker_ended("a", "died", exit_code=-9, frame_id=header.frame_id)
    store.worker_ended("a", "hung", exit_code=-9, frame_id="forgotten-e1-000000")
    store.release("a")
    claim = store.claim_frame("b")
    assert claim is not None
    assert claim.hung == 1
    counted = store.counters()
    assert (counted["workers:hung"], counted["workers:died"]) == (2, 1)
    events = [event.data["state"] for _, event in store.read_events("0") if event.kind == "worker"]
    assert events == ["hung", "died", "hung"]
    assert not store._redis.exists("ps:frame:forgotten-e1-000000")
