"""What is dropped when frames come faster than they are worked; each drop is counted by its reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import StreamPolicy
from store.helpers import frame


class Clock:
    now = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
    set_by = timedelta()
    machine = "here"

    def __call__(self) -> datetime:
        return self.now + self.set_by

    def uptime(self) -> tuple[str, float]:
        """Goes on evenly, whatever the clock of the day is set to."""
        return self.machine, (self.now - Clock.now).total_seconds() * 1e3


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(server: EmbeddedStore, clock: Clock) -> Iterator[Store]:
    with Store.open(server.url, clock=clock, uptime=clock.uptime, claim_idle_s=0.0) as opened:
        opened._redis.flushall()
        yield opened


def put(store: Store, *sequences: int) -> list[str]:
    for sequence in sequences:
        store.put_frame(*frame(sequence))
    return [frame(sequence)[0].frame_id for sequence in sequences]


def work(store: Store) -> str:
    claim = store.claim_frame("w")
    assert claim is not None
    assert store.finish_frame(claim, [])
    return claim.frame_id


def dropped(store: Store, stream: str = "stem") -> dict[str, int]:
    """Reason -> how many."""
    counts = store.tally(stream).items()
    return {name.removeprefix("dropped:"): int(n) for name, n in counts if name.startswith("dropped:")}


def told(store: Store) -> list[tuple[str | None, str]]:
    events = [event for _, event in store.read_events("0", count=1000) if event.kind == "drop"]
    return [(event.frame_id, event.data["reason"]) for event in events]


def test_wait_works_every_frame_in_order(store: Store) -> None:
    ids = put(store, *range(5))
    assert [work(store) for _ in ids] == ids
    assert dropped(store) == {}


@pytest.mark.parametrize("keep", [1, 3])
def test_newest_n_keeps_so_many_and_drops_the_older_ones(store: Store, keep: int) -> None:
    store.set_policy("stem", StreamPolicy(drop="newest", keep_newest=keep))
    ids = put(store, *range(6))
    assert [work(store) for _ in range(keep)] == ids[-keep:]
    assert store.claim_frame("w") is None
    assert dropped(store) == {"newer-frame": 6 - keep}
    assert told(store) == [(frame_id, "newer-frame") for frame_id in ids[:-keep]]
    assert store.counters()["drop:newer-frame"] == 6 - keep


def test_drop_takes_a_frame_only_when_its_stream_was_free(store: Store) -> None:
    store.set_policy("stem", StreamPolicy(drop="drop"))
    first, *_ = put(store, 0)
    claim = store.claim_frame("w")
    assert claim is not None
    put(store, 1, 2)  # come while 0 is being worked on
    store.finish_frame(claim, [])
    (free,) = put(store, 3)
    assert work(store) == free
    assert (store.state(first), dropped(store)) == ("done", {"stream-busy": 2})


def test_a_second_worker_takes_what_one_alone_would_drop(store: Store) -> None:
    store.set_policy("stem", StreamPolicy(drop="drop"))
    put(store, 0, 1)
    assert store.claim_frame("a") is not None
    second = store._redis.xlen("ps:work")
    assert second == 2
    with Store.open(store.url, claim_idle_s=60.0) as other:
        claim = other.claim_frame("b")
    assert claim is not None
    assert claim.header.sequence == 1
    assert dropped(store) == {}


@pytest.mark.parametrize("drop", ["wait", "drop", "newest"])
def test_a_frame_that_waited_too_long_is_dropped_whatever_the_policy(
    store: Store, clock: Clock, drop: str
) -> None:
    store.set_policy("stem", StreamPolicy.model_validate({"drop": drop, "max_age_s": 5.0}))
    put(store, 0)
    clock.now += timedelta(seconds=5.5)
    (fresh,) = put(store, 1)
    assert work(store) == fresh
    assert sum(dropped(store).values()) == 1
    assert set(dropped(store)) == {"too-old"}


def test_a_clock_that_jumps_back_makes_no_frame_old(store: Store, clock: Clock) -> None:
    store.set_policy("stem", StreamPolicy(max_age_s=5.0))
    (only,) = put(store, 0)
    clock.set_by = timedelta(hours=-1)
    assert work(store) == only


def test_a_clock_that_jumps_forward_drops_nothing_that_waits(store: Store, clock: Clock) -> None:
    store.set_policy("stem", StreamPolicy(max_age_s=5.0))
    ids = put(store, 0, 1)
    clock.set_by = timedelta(days=1)
    clock.now += timedelta(seconds=4)
    claim = store.claim_frame("w")
    assert claim is not None
    assert (claim.frame_id, claim.waited_s) == (ids[0], 4.0)
    clock.now += timedelta(seconds=4)
    assert store.finish_frame(claim, [])
    assert store.claim_frame("w") is None
    assert dropped(store) == {"too-old": 1}


def test_a_worker_on_another_machine_asks_the_stores_clock(store: Store, clock: Clock) -> None:
    store.set_policy("stem", StreamPolicy(max_age_s=5.0))
    (only,) = put(store, 0)
    clock.machine, clock.set_by = "there", timedelta(hours=3)
    clock.now += timedelta(seconds=60)
    assert work(store) == only
    (old,) = put(store, 1)
    store._redis.hincrby(f"ps:frame:{old}", "store_ms", -6000)
    clock.machine = "elsewhere"
    assert store.claim_frame("w") is None
    assert dropped(store) == {"too-old": 1}


def test_a_frame_that_was_begun_is_finished_though_its_worker_died(store: Store, clock: Clock) -> None:
    store.set_policy("stem", StreamPolicy(drop="newest", max_age_s=5.0))
    (begun,) = put(store, 0)
    assert store.claim_frame("dies") is not None
    put(store, 1)
    clock.now += timedelta(seconds=60)
    claim = store.claim_frame("other")
    assert claim is not None
    assert (claim.frame_id, claim.deliveries) == (begun, 2)


def test_drops_of_one_stream_are_not_anothers(store: Store) -> None:
    store.set_policy("stem", StreamPolicy(drop="newest"))
    put(store, 0, 1)
    store.put_frame(*frame(0, stream="eels"))
    store.put_frame(*frame(1, stream="eels"))
    for _ in range(3):
        work(store)
    assert dropped(store) == {"newer-frame": 1}
    assert dropped(store, "eels") == {}


def test_a_policy_set_back_to_wait_drops_no_more(store: Store) -> None:
    store.set_policy("stem", StreamPolicy(drop="newest", max_age_s=1.0))
    store.set_policy("stem", StreamPolicy())
    ids = put(store, 0, 1)
    assert [work(store), work(store)] == ids
