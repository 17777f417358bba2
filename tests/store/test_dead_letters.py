"""Frames over which workers died are kept with their pixels, tried again, and bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import Fault
from paretoscope.errors import BadInput, NotFound
from paretoscope.settings import Limits
from store.helpers import frame

DIED = Fault(code="worker-died", hint="3 workers died over this frame.")


@pytest.fixture
def small(server: EmbeddedStore) -> Iterator[Store]:
    with Store.open(server.url, Limits(history_frames=2, dead_letters=3)) as opened:
        opened._redis.flushall()
        yield opened


def bury(store: Store, sequence: int, **extra: object) -> str:
    store.put_frame(*frame(sequence, **extra))
    claim = store.claim_frame("w")
    assert claim is not None
    assert store.bury_frame(claim, DIED)
    return claim.frame_id


def test_a_dead_letter_keeps_the_pixels_when_its_stream_has_forgotten_the_frame(small: Store) -> None:
    frame_id = bury(small, 0)
    for sequence in range(1, 6):
        small.put_frame(*frame(sequence))
        claim = small.claim_frame("w")
        assert claim is not None
        small.finish_frame(claim, [])
    with pytest.raises(NotFound):
        small.state(frame_id)
    letter, header, pixels = small.dead_frame(frame_id)
    assert (letter.fault.code, letter.deliveries, header.frame_id) == ("worker-died", 0, frame_id)
    assert np.array_equal(pixels, frame(0)[1])
    assert [one.frame_id for one in small.dead_letters()] == [frame_id]
    assert small.counters()["dead-letters"] == 1


def test_it_is_queued_again_under_its_own_id_and_worked(small: Store) -> None:
    frame_id = bury(small, 0)
    small.retry_dead(frame_id)
    assert (small.state(frame_id), small.dead_letters()) == ("queued", [])
    claim = small.claim_frame("w")
    assert claim is not None
    assert (claim.frame_id, claim.deliveries, claim.gap) == (frame_id, 1, 0)
    assert np.array_equal(claim.pixels, frame(0)[1])
    assert small.finish_frame(claim, [])
    assert small.latest("stem") == frame_id
    assert small.counters()["dead-letters:retried"] == 1


def test_a_frame_that_is_being_worked_on_is_not_queued_twice(small: Store) -> None:
    frame_id = bury(small, 0)
    letter = small._redis.dump(f"ps:dead:{frame_id}")
    small.retry_dead(frame_id)
    small._redis.restore(f"ps:dead:{frame_id}", 0, letter)  # as if we had died before discarding it
    with pytest.raises(BadInput, match="queued already"):
        small.retry_dead(frame_id)
    assert small._redis.xlen("ps:work") == 1


def test_the_oldest_letters_go_by_number_and_by_size(small: Store, server: EmbeddedStore) -> None:
    ids = [bury(small, sequence) for sequence in range(5)]
    assert [one.frame_id for one in small.dead_letters()] == ids[:1:-1]
    assert small.counters()["dead-letters:forgotten"] == 2
    held = int(small._redis.hget("ps:bytes", "dead"))
    assert held == 3 * frame(0)[0].nbytes
    with Store.open(server.url, Limits(dead_letters=3, dead_letters_mb=1)) as store:
        newest = bury(store, 9, side=600)
    assert small.dead_letters()[0].frame_id == newest
    assert int(small._redis.hget("ps:bytes", "dead")) < 1024 * 1024
    for letter in small.dead_letters():
        assert small.discard_dead(letter.frame_id)
    assert int(small._redis.hget("ps:bytes", "dead")) == 0
    assert list(small._redis.scan_iter("ps:dead:*")) == []


def test_what_is_no_dead_letter_is_not_found(small: Store) -> None:
    with pytest.raises(NotFound, match="no-dead-letter"):
        small.retry_dead("stem-e1-000000")
    assert not small.discard_dead("stem-e1-000000")
