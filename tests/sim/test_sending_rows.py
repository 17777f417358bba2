"""The simulated instrument shows rows while it scans, and a session sends them."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import running_bridge
from paretoscope_sim import Scan
from paretoscope_sim.clock import Clock, frame_time_s
from paretoscope_sim.replay import ReplaySource, find_files
from paretoscope_sim.session import Session, run
from paretoscope_sim.sources import SampleSource
from paretoscope_sim.vendor import FaultPlan, SimulatedInstrument, TemMicroscopeClient
from paretoscope_sim.vendor.common import ApiException

SOURCE = SampleSource.named("graphene", Scan(shape=(64, 64), field_of_view_nm=3.0))
FAST = Clock(float("inf"))


class Watch:
    def __init__(self, block: int, clock: list[float]) -> None:
        self.block = block
        self.clock = clock
        self.seen: list[tuple[float, np.ndarray]] = []

    def begun(self, exposure, detector) -> None:
        self.seen = []

    def rows(self, rows) -> None:
        self.seen.append((sum(self.clock), rows.copy()))


def watched(block: int, *faults: str) -> tuple[SimulatedInstrument, Watch]:
    waited: list[float] = []
    watch = Watch(block, waited)
    instrument = SimulatedInstrument(SOURCE, Clock(1.0, waited.append), FaultPlan.of(faults), watch=watch)
    instrument.now = lambda: np.datetime64("2026-11-21T09:30:00").item()
    return instrument, watch


def scan(instrument: SimulatedInstrument, dwell_us: float = 10.0) -> np.ndarray:
    client = TemMicroscopeClient(instrument)
    client.connect()
    instrument.watch.clock.clear()
    return client.acquisition.acquire_stem_image("HAADF", 64, dwell_us * 1e-6).data


@pytest.mark.parametrize("block", [1, 10, 32, 64, 500])
def test_rows_are_there_when_the_beam_has_passed_them_and_the_last_ends_the_frame(block):
    instrument, watch = watched(block)
    image = scan(instrument)
    assert np.array_equal(np.vstack([rows for _, rows in watch.seen]), image)
    assert [len(rows) for _, rows in watch.seen] == [min(block, 64 - n) for n in range(0, 64, block)]
    whole_s = frame_time_s((64, 64), 10.0)
    assert sum(watch.clock) == pytest.approx(whole_s)
    row_s, done = (whole_s - 0.21) / 64, 0
    for at_s, rows in watch.seen:
        done += len(rows)
        assert at_s == pytest.approx(0.21 + done * row_s)


def test_a_lost_connection_shows_half_the_rows_in_half_the_time():
    instrument, watch = watched(4, "disconnect")
    with pytest.raises(ApiException):
        scan(instrument, dwell_us=200.0)
    assert 16 < sum(len(rows) for _, rows in watch.seen) < 32
    assert sum(watch.clock) == pytest.approx(frame_time_s((64, 64), 200.0) / 2)


def test_a_slow_frame_is_slow_row_by_row():
    instrument, watch = watched(16, "slow-frame")
    scan(instrument)
    assert watch.seen[-1][0] == pytest.approx(3 * frame_time_s((64, 64), 10.0))


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def bridge(store):
    with running_bridge(store) as running:
        yield running


@pytest.fixture
def session(bridge):
    return Session(bridge.address, frames=3, size_px=64, dwell_us=4.0, rows=8)


def test_a_session_by_rows_stores_what_a_session_of_whole_images_does(session, store):
    stored = []
    for rows in (8, None):
        instrument = SimulatedInstrument(SOURCE, Clock(50.0), field_of_view_m=3e-9)
        outcome = run(instrument, replace(session, rows=rows), threading.Event())
        assert (outcome.taken, outcome.lost) == (3, 0)
        assert (outcome.counters.get("by-rows", 0) > 0) == (rows is not None)
        stored.append(list(store.frames.values()))
        store.frames.clear()
    differ = {"epoch", "crc32", "monotonic_ns", "frame_time_s", "acquired_start", "acquired_end"}
    for (ours, pixels), (theirs, same) in zip(*stored, strict=True):
        assert pixels == same
        left = ours.model_dump(exclude={*differ, "acquisition_id"})
        assert left == theirs.model_dump(exclude={*differ, "acquisition_id"})


def test_what_goes_wrong_with_the_instrument_loses_no_frame_and_makes_no_gap(session, store):
    texts = ["stale-frame@1", "disconnect@3", "no-metadata@4", "wrong-detector@5", "non-square@7"]
    instrument = SimulatedInstrument(SOURCE, Clock(200.0), FaultPlan.of(texts), field_of_view_m=3e-9)
    errors: list[str] = []
    outcome = run(
        instrument, replace(session, frames=5), threading.Event(), on_error=lambda e: errors.append(e.code)
    )
    assert (outcome.taken, outcome.lost) == (5, 0)
    assert errors == ["stale-frame", "instrument-disconnected", "wrong-detector", "wrong-shape"]
    assert [header.sequence for header, _ in store.frames.values()] == list(range(5))
    assert not store.events_of("gap")
    assert [h.pixel_size_nm is None for h, _ in store.frames.values()] == [False, False, True, False, False]


def test_a_recording_is_sent_by_rows_too(session, store, tmp_path):
    images = [np.random.default_rng(n).integers(0, 999, (20 + n, 90)).astype(np.uint16) for n in range(3)]
    for number, image in enumerate(images):
        np.save(tmp_path / f"{number}.npy", image)
    instrument = SimulatedInstrument(ReplaySource(find_files(tmp_path)), Clock(50.0))
    outcome = run(instrument, replace(session, frames=None), threading.Event())
    assert (outcome.taken, outcome.lost) == (3, 0)
    assert outcome.counters["rows-sent"] > 3
    assert [pixels for _, pixels in store.frames.values()] == [image.tobytes() for image in images]
