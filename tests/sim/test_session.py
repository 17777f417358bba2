"""From the simulated instrument over the driver and the wire into a real bridge."""

from __future__ import annotations

import csv
import threading
from dataclasses import replace

import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import running_bridge
from paretoscope_sim import Scan
from paretoscope_sim.clock import Clock
from paretoscope_sim.replay import ReplaySource, find_files
from paretoscope_sim.session import Session, run
from paretoscope_sim.sources import SampleSource
from paretoscope_sim.vendor import FaultPlan, SimulatedInstrument

SOURCE = SampleSource.named("graphene", Scan(shape=(64, 64), field_of_view_nm=3.0))
FAST = Clock(float("inf"))


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def session(store):
    with running_bridge(store) as bridge:
        yield Session(bridge.address, frames=3, size_px=64, dwell_us=4.0)


def test_frames_arrive_with_what_the_image_said(session, store):
    instrument = SimulatedInstrument(SOURCE, FAST, field_of_view_m=3e-9)
    outcome = run(instrument, session, threading.Event())
    assert (outcome.taken, outcome.lost) == (3, 0)
    headers = [header for header, _ in store.frames.values()]
    assert [header.sequence for header in headers] == [0, 1, 2]
    assert all(header.simulated and header.detector == "HAADF" for header in headers)
    assert headers[0].pixel_size_nm == pytest.approx((3.0 / 64,) * 2)
    assert len({header.acquisition_id for header in headers}) == 3


def test_refused_stale_and_lost_frames_do_not_end_a_session(session, store):
    faults = FaultPlan.of(["server-error@0", "stale-frame@2", "disconnect@4", "no-metadata@5"])
    instrument = SimulatedInstrument(SOURCE, FAST, faults, field_of_view_m=3e-9)
    errors = []
    outcome = run(instrument, session, threading.Event(), on_error=lambda e: errors.append(e.code))
    assert outcome.taken == 3
    assert errors == ["instrument-refused", "stale-frame", "instrument-disconnected"]
    assert [h.pixel_size_nm is None for h, _ in store.frames.values()] == [False, False, True]


def test_a_recording_of_any_shape_is_sent_to_its_end(session, store, tmp_path):
    for name, shape in (("a.npy", (20, 90)), ("b.npy", (70, 30))):
        np.save(tmp_path / name, np.random.default_rng(0).integers(0, 999, shape).astype(np.uint16))
    instrument = SimulatedInstrument(ReplaySource(find_files(tmp_path)), FAST)
    outcome = run(instrument, replace(session, frames=None), threading.Event())
    assert outcome.taken == 2
    assert [header.shape for header, _ in store.frames.values()] == [(20, 90), (70, 30)]


def test_the_truth_of_each_frame_lies_beside_it(session, store, tmp_path):
    instrument = SimulatedInstrument(SOURCE, FAST, field_of_view_m=3e-9)
    run(instrument, replace(session, frames=2, truth_folder=tmp_path), threading.Event())
    assert sorted(p.stem for p in tmp_path.iterdir()) == sorted(store.frames)
    with next(tmp_path.iterdir()).open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100
    assert all(-0.5 <= float(row["y_px"]) < 63.5 and row["species"] for row in rows)


def test_a_session_stops_when_it_is_told_to(session):
    stop = threading.Event()
    instrument = SimulatedInstrument(SOURCE, FAST, field_of_view_m=3e-9)
    outcome = run(instrument, replace(session, frames=None), stop, on_frame=lambda *_: stop.set())
    assert outcome.taken == 1
