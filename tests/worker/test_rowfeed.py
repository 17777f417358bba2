"""Rows worked ahead of their frame: always of that very frame, or not at all."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paretoscope.adapters.store import Claim, Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import FrameHeader, RowsBegin, StreamMemory, StreamPolicy
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.rowfeed import MAX_FOLLOWED, RowFeed
from store.helpers import frame
from worker.fakes import BrightPixels

Scanned = tuple[FrameHeader, np.ndarray, str]


class Pile:
    """What grows here are the rows themselves."""

    def __init__(self, header: FrameHeader) -> None:
        self.header = header
        self.rows = np.empty((0, header.shape[1]), header.dtype)

    def add(self, first_row: int, rows: np.ndarray) -> None:
        assert first_row == len(self.rows)
        if 999 in rows:
            raise ZeroDivisionError("deep inside")
        self.rows = np.vstack([self.rows, rows])


class Growing(BrightPixels):
    def grow(self, header: FrameHeader, policy: StreamPolicy, memory: StreamMemory) -> Pile | None:
        return None if header.note == "useless" else Pile(header)


@dataclass
class Instrument:
    """Scans as the bridge would show them."""

    store: Store

    def begin(self, sequence: int, stream: str = "stem", **extra: object) -> Scanned:
        header, pixels = frame(sequence, stream, **extra)
        begin = RowsBegin(**header.model_dump(exclude={"crc32"}))
        return header, pixels, self.store.scan_begun(begin)

    def rows(self, scan: Scanned, first: int, last: int) -> bool:
        header, pixels, run = scan
        return self.store.scan_rows(header.stream, run, first, last, pixels[first:last])

    def claim(self, scan: Scanned, pixels: np.ndarray | None = None) -> Claim:
        header, scanned, _ = scan
        image = scanned if pixels is None else pixels
        claim = Claim(header.frame_id, header, image, "1-1", 1, self.store._clock())
        self.store.scan_over(header.stream)
        return claim


@pytest.fixture
def store(server: EmbeddedStore) -> Iterator[Store]:
    with Store.open(server.url) as opened:
        opened._redis.flushall()
        yield opened


@pytest.fixture
def pulse(store: Store) -> Pulse:
    return Pulse(store, "w")


@pytest.fixture
def feed(store: Store, pulse: Pulse) -> RowFeed:
    return RowFeed(store, Growing(), pulse, threading.Event())


@pytest.fixture
def instrument(store: Store) -> Instrument:
    return Instrument(store)


def test_what_grew_while_the_scan_ran_goes_with_its_frame(feed, instrument):
    scan = instrument.begin(0)
    for first in range(0, 16, 4):
        instrument.rows(scan, first, first + 4)
        feed.follow("stem")
    grown = feed.take(instrument.claim(scan))
    assert np.array_equal(grown.rows, scan[1])
    assert +feed._counts == {"rows:used": 1}
    assert feed.take(instrument.claim(scan)) is None


def test_rows_that_are_still_shown_when_their_frame_is_handed_out_are_not_worked_again(feed, instrument):
    scan = instrument.begin(0)
    instrument.rows(scan, 0, 16)
    feed.follow("stem")
    header, pixels, _ = scan
    claim = Claim(header.frame_id, header, pixels, "1-1", 1, instrument.store._clock())
    assert feed.take(claim) is not None
    feed.follow("stem")
    assert feed.take(claim) is None


def test_rows_that_came_together_are_worked_together(feed, instrument):
    scan = instrument.begin(0)
    for first in range(0, 12, 2):
        instrument.rows(scan, first, first + 2)
    feed.follow("stem")
    assert len(feed.take(instrument.claim(scan)).rows) == 12


def test_two_streams_that_scan_at_once_never_mix(feed, instrument):
    scans = {stream: instrument.begin(n, stream) for n, stream in enumerate(("a", "b"))}
    for first in range(0, 16, 4):
        for stream, scan in scans.items():
            instrument.rows(scan, first, first + 4)
            feed.follow(stream)
    for scan in scans.values():
        assert np.array_equal(feed.take(instrument.claim(scan)).rows, scan[1])


def test_a_new_epoch_starts_from_its_own_first_row(feed, instrument):
    old = instrument.begin(0, epoch="e1")
    instrument.rows(old, 0, 12)
    feed.follow("stem")
    new = instrument.begin(7, epoch="e2")
    instrument.rows(new, 0, 4)
    feed.follow("stem")
    assert np.array_equal(feed.take(instrument.claim(new)).rows, new[1][:4])


def test_a_scan_begun_anew_under_the_same_id_forgets_what_grew(feed, instrument):
    first = instrument.begin(0)
    instrument.rows(first, 0, 12)
    feed.follow("stem")
    header, pixels, run = instrument.begin(0)
    again = header, pixels + 1, run
    instrument.rows(again, 0, 4)
    feed.follow("stem")
    assert +feed._counts == {"rows:missed:begun-anew": 1}
    assert np.array_equal(feed.take(instrument.claim(again)).rows, again[1][:4])


def test_a_lost_block_ends_what_is_shown_and_what_grew_before_it_still_counts(feed, instrument):
    scan = instrument.begin(0)
    instrument.rows(scan, 0, 4)
    feed.follow("stem")
    assert not instrument.rows(scan, 8, 12)
    feed.follow("stem")
    assert np.array_equal(feed.take(instrument.claim(scan)).rows, scan[1][:4])


def test_rows_that_are_not_the_frames_are_worth_nothing(feed, instrument):
    scan = instrument.begin(0)
    instrument.rows(scan, 0, 12)
    feed.follow("stem")
    other = scan[1].copy()
    other[11, 3] += 1
    assert feed.take(instrument.claim(scan, other)) is None
    assert +feed._counts == {"rows:missed:other-pixels": 1}


def test_a_frame_waits_for_its_worker_while_the_next_one_is_being_scanned(feed, instrument):
    scans = []
    for sequence in range(2):
        scans.append(instrument.begin(sequence))
        instrument.rows(scans[-1], 0, 16)
        feed.follow("stem")
    for header, pixels, run in scans:
        assert np.array_equal(feed.take(instrument.claim((header, pixels, run))).rows, pixels)


def test_where_nothing_is_to_be_gained_nothing_grows(feed, instrument):
    scan = instrument.begin(0, note="useless")
    instrument.rows(scan, 0, 16)
    feed.follow("stem")
    assert feed.take(instrument.claim(scan)) is None
    assert not +feed._counts


def test_rows_that_break_the_numerics_cost_this_head_start_only(feed, instrument):
    header, pixels, run = instrument.begin(0)
    broken = header, np.full_like(pixels, 999), run
    instrument.rows(broken, 0, 4)
    feed.follow("stem")
    instrument.rows(broken, 4, 8)
    feed.follow("stem")
    assert +feed._counts == {"rows:missed:failed": 1}
    assert feed.take(instrument.claim(broken)) is None
    scan = instrument.begin(1)
    instrument.rows(scan, 0, 16)
    feed.follow("stem")
    assert feed.take(instrument.claim(scan)) is not None


def test_scans_whose_frames_never_come_are_left(feed, instrument):
    for sequence in range(3 * MAX_FOLLOWED):
        instrument.rows(instrument.begin(sequence), 0, 4)
        feed.follow("stem")
    assert len(feed._followed) == MAX_FOLLOWED
    assert +feed._counts == {"rows:missed:not-claimed": 2 * MAX_FOLLOWED}


def test_while_a_frame_is_worked_rows_wait_and_are_caught_up_with(store, feed, pulse, instrument):
    thread = threading.Thread(target=feed.run)
    try:
        with pulse.holding(instrument.claim(instrument.begin(0)), 10.0):
            thread.start()
            scan = instrument.begin(1)
            instrument.rows(scan, 0, 8)
            time.sleep(0.2)
            assert not feed._followed
        wait_for(lambda: feed._followed and next(iter(feed._followed.values())).row == 8)
        instrument.rows(scan, 8, 16)
        wait_for(lambda: next(iter(feed._followed.values())).row == 16)
        assert np.array_equal(feed.take(instrument.claim(scan)).rows, scan[1])
        instrument.begin(2)
        wait_for(lambda: store.counters().get("rows:used") == 1)
    finally:
        feed._stop.set()
        thread.join(5.0)


def wait_for(what, timeout_s: float = 10.0) -> None:
    end = time.monotonic() + timeout_s
    while not what():
        assert time.monotonic() < end
        time.sleep(0.01)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_whatever_comes_in_whatever_order_what_grew_is_the_frames_own(store, feed, instrument, data):
    store._redis.flushall()
    feed._followed.clear()
    scans: dict[str, Scanned] = {}
    for step in range(data.draw(st.integers(1, 25))):
        stream = data.draw(st.sampled_from("ab"))
        match data.draw(st.sampled_from(["begin", "rows", "rows", "follow", "follow", "claim"])):
            case "begin":
                header, pixels, run = instrument.begin(data.draw(st.integers(0, 1)), stream)
                scans[stream] = header, pixels + step, run
            case "rows" if stream in scans:
                first = data.draw(st.integers(0, 15))
                instrument.rows(scans[stream], first, data.draw(st.integers(first + 1, 16)))
            case "follow":
                feed.follow(stream)
            case "claim" if stream in scans:
                grown = feed.take(instrument.claim(scans[stream]))
                assert grown is None or np.array_equal(grown.rows, scans[stream][1][: len(grown.rows)])
