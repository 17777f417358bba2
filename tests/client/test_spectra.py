"""The microscope's driver: what it believes, what it refuses, and what it does when the instrument hangs."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace as Part
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import eventually, running_bridge
from client.scripted_microscope import NOT_RUNNING, REFUSED, Microscope, adorned
from paretoscope.errors import BadParameters, InstrumentError, InstrumentTimeout
from paretoscope_client.adorned import read_adorned
from paretoscope_client.sender import FrameSender
from paretoscope_client.source import SpectraSource
from paretoscope_client.spectra import ScanRequest, Spectra, State
from paretoscope_client.vendor import client_factory

SMALL = ScanRequest(size_px=16, dwell_us=1.0)


@pytest.fixture
def microscope():
    return Microscope()


@pytest.fixture
def spectra(microscope):
    with Spectra("scope", 9095, factory=microscope.client, patience_s=-0.6) as driver:
        driver.connect()
        yield driver


def test_it_says_who_answered(spectra):
    assert spectra.instrument.label == "Spectra 300 D1234"
    assert spectra.instrument.offline
    assert spectra.state is State.READY


def test_metadata_comes_from_the_image_and_not_from_the_request(spectra):
    scanned, fields = spectra.scan(SMALL)
    assert scanned.image.shape == (16, 16)
    assert fields["pixel_size_nm"] == pytest.approx((0.04, 0.02))
    assert fields["dwell_us"] == pytest.approx(1.01)
    assert fields["acquisition_id"] == "acq-1"
    assert fields["acquired_end"] == "2026-11-21T08:30:02.123456Z"
    assert (fields["detector"], fields["simulated"]) == ("HAADF", True)
    assert fields["frame_time_s"] > 0
    assert "note" not in fields


def test_the_dwell_reaches_the_vendor_in_seconds_and_the_client_by_its_port(spectra, microscope):
    spectra.scan(ScanRequest("BF", 16, 5.0))
    assert ("connect", ("scope", 9095)) in microscope.calls
    assert ("acquire", ("BF", 16, pytest.approx(5e-6))) in microscope.calls


def test_one_thread_makes_every_call_and_scans_never_overlap(spectra, microscope):
    workers = [threading.Thread(target=spectra.scan, args=(SMALL,)) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    spectra.disconnect()
    (threads,) = microscope.threads.values()
    assert len(threads) == 1
    assert threads != {threading.get_ident()}
    assert sum(what == "acquire" for what, _ in microscope.calls) == 8


def test_a_detector_is_inserted_only_when_asked_for(spectra, microscope):
    spectra.scan(ScanRequest("DF_S", 16, 1.0))
    assert not any(what == "insert" for what, _ in microscope.calls)
    spectra.scan(ScanRequest("DF_S", 16, 1.0, insert=True))
    spectra.scan(ScanRequest("DF_S", 16, 1.0, insert=True))
    assert [value for what, value in microscope.calls if what == "insert"] == ["DF_S"]


NOTHING = Part(pixel_size=None)
MISSING = [
    {"binary_result": None},
    {"binary_result": NOTHING, "acquisition": None, "scan_settings": None, "metadata_as_xml": None},
    {"acquisition": Part(acquisition_id=None, acquisition_start_date_time=None, acquisition_date_time=None)},
    {"scan_settings": Part(dwell_time=None)},
    {"scan_settings": Part(dwell_time="fast"), "binary_result": Part(pixel_size=Part(x=0.0, y=float("nan")))},
]


@pytest.mark.parametrize("parts", MISSING)
def test_missing_metadata_stays_unknown_and_the_frame_is_good(spectra, microscope, parts):
    microscope.script.append(parts)
    _, fields = spectra.scan(SMALL)
    assert None not in fields.values()


def test_an_image_without_any_metadata_is_read():
    scanned = read_adorned(Part(data=np.zeros((2, 3), np.uint16)))
    assert scanned.image.shape == (2, 3)
    assert scanned.pixel_size_nm is None
    assert scanned.identity is None


def test_times_without_a_zone_are_read_in_the_instruments_own_and_say_so():
    bare = Part(
        acquisition_id="1",
        acquisition_start_date_time="2026-07-01T12:00:00",
        acquisition_date_time="yesterday",
    )
    scanned = read_adorned(adorned(1, 4, 1e-6, "BF", acquisition=bare), ZoneInfo("Europe/Berlin"))
    assert scanned.acquired_start == "2026-07-01T10:00:00.000000Z"
    assert scanned.acquired_end is None
    assert scanned.notes == ("times without zone read as Europe/Berlin", "time 'yesterday' cannot be read")


def test_the_detector_is_found_in_the_xml_where_the_fields_lack_it():
    scanned = read_adorned(adorned(1, 4, 1e-6, "DF_S", binary_result=None))
    assert scanned.detector == "DF_S"


@pytest.mark.parametrize(
    ("happening", "code"),
    [
        (REFUSED, "instrument-refused"),
        (RuntimeError("who knows"), "instrument-failed"),
        (SystemExit(3), "instrument-failed"),
        (None, "no-image"),
        ({"data": np.zeros((16, 8), np.uint16)}, "wrong-shape"),
        ({"data": np.zeros((4, 4, 3), np.uint16)[..., 0].T[:0]}, "no-image"),
        ({"binary_result": Part(pixel_size=None, detector="BF")}, "wrong-detector"),
    ],
)
def test_what_is_not_the_asked_for_image_is_an_error_and_the_next_scan_works(
    spectra, microscope, happening, code
):
    microscope.script.append(happening)
    with pytest.raises(InstrumentError) as refusal:
        spectra.scan(SMALL)
    assert refusal.value.code == code
    assert refusal.value.retry
    assert len(refusal.value.hint) > 20
    assert spectra.scan(SMALL)


def test_the_same_acquisition_twice_is_stale(spectra, microscope):
    again = {"acquisition": Part(acquisition_id="acq-7")}
    microscope.script.extend([again, again])
    spectra.scan(SMALL)
    with pytest.raises(InstrumentError, match="stale-frame"):
        spectra.scan(SMALL)
    assert spectra.scan(SMALL)


def test_a_detector_that_is_not_there_is_said_before_scanning(spectra, microscope):
    with pytest.raises(InstrumentError, match=r"no-detector.*HAADF, BF, DF_S"):
        spectra.scan(ScanRequest("EELS", 16, 1.0))
    assert not any(what == "acquire" for what, _ in microscope.calls)


def test_a_scan_that_hangs_times_out_and_nothing_more_is_asked_until_connected_again(spectra, microscope):
    released = threading.Event()
    microscope.script.append(released)
    with pytest.raises(InstrumentTimeout, match="16 x 16"):
        spectra.scan(SMALL)
    assert spectra.state is State.STUCK
    with pytest.raises(InstrumentError, match="instrument-stuck"):
        spectra.scan(SMALL)
    released.set()
    assert eventually(lambda: any(what == "disconnect" for what, _ in microscope.calls))
    spectra.connect()
    assert spectra.scan(SMALL)
    assert len(microscope.threads) == 2


def test_a_lost_connection_is_told_and_mended_by_connecting(spectra, microscope):
    microscope.script.append(NOT_RUNNING)
    with pytest.raises(InstrumentError, match="instrument-disconnected"):
        spectra.scan(SMALL)
    assert spectra.state is State.DISCONNECTED
    with pytest.raises(InstrumentError, match="not-connected"):
        spectra.scan(SMALL)
    spectra.connect()
    assert spectra.scan(SMALL)


def test_a_server_that_is_not_there_is_said(microscope):
    microscope.connect_error = ConnectionRefusedError("nobody listens")
    driver = Spectra("scope", factory=microscope.client)
    with pytest.raises(InstrumentError, match=r"instrument-disconnected.*scope:7521"):
        driver.connect()
    assert driver.state is State.DISCONNECTED


@pytest.mark.parametrize(
    ("size", "dwell"), [(0, 1.0), (-5, 1.0), (20000, 1.0), (16, 0.0), (16, float("nan"))]
)
def test_a_scan_that_is_none_is_refused(size, dwell):
    with pytest.raises(BadParameters, match="bad-scan"):
        ScanRequest("HAADF", size, dwell)


@pytest.mark.parametrize(
    ("size", "dwell", "measured_s"), [(512, 10, 3.468), (512, 5, 2.1), (1024, 5, 6.66), (512, 32, 9.2)]
)
def test_expected_times_are_those_of_a_spectra_300(size, dwell, measured_s):
    assert ScanRequest("HAADF", size, dwell).expected_s == pytest.approx(measured_s, rel=0.02)


@pytest.mark.parametrize("name", ["nowhere:Client", "json:Client", "", ":"])
def test_a_client_that_is_not_there_is_said(name):
    with pytest.raises(InstrumentError, match="vendor-client-missing"):
        client_factory(name)


def test_a_source_sends_every_frame_through_whatever_goes_wrong(microscope):
    released = threading.Event()
    microscope.script.extend([{}, REFUSED, {}, NOT_RUNNING, {}, released, {"binary_result": None}])
    store, told = MemoryStore(), []
    driver = Spectra(factory=microscope.client, patience_s=-0.6)
    with running_bridge(store) as bridge, FrameSender(bridge.address, "haadf") as sender, driver:
        source = SpectraSource(driver, sender, SMALL, on_frame=lambda receipt, _: told.append(receipt))
        source.on_error = lambda error: released.set() if error.code == "instrument-timeout" else None
        assert source.run(threading.Event(), frames=5) == 5
        assert [receipt.wait(10).sequence for receipt in told] == [0, 1, 2, 3, 4]
    assert source.counts == {
        "frames": 5,
        "instrument-refused": 1,
        "instrument-disconnected": 1,
        "instrument-timeout": 1,
    }
    ids = [header.acquisition_id for header, _ in store.frames.values()]
    assert len(set(ids)) == 5


def test_a_source_never_waits_for_the_bridge(microscope):
    with FrameSender("tcp://127.0.0.1:9", "haadf", queue_frames=2) as sender:
        source = SpectraSource(Spectra(factory=microscope.client), sender, SMALL)
        assert source.run(threading.Event(), frames=30) == 30
        assert sender.counters["dropped:oldest"] >= 27
        sender.close(drain_s=0)


def test_a_source_stops_when_told(spectra):
    stop = threading.Event()
    with FrameSender("tcp://127.0.0.1:9", "haadf") as sender:
        source = SpectraSource(spectra, sender, SMALL)
        thread = threading.Thread(target=source.run, args=(stop,))
        thread.start()
        time.sleep(0.05)
        stop.set()
        thread.join(5)
        assert not thread.is_alive()
        sender.close(drain_s=0)


def test_a_source_gives_up_on_what_will_not_get_better(spectra):
    with FrameSender("tcp://127.0.0.1:9", "haadf") as sender:
        with pytest.raises(InstrumentError, match="no-detector"):
            SpectraSource(spectra, sender, ScanRequest("EELS", 16)).run(threading.Event())
        sender.close(drain_s=0)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    roots = [
        str(Path(__file__).resolve().parents[1] / "../" / root) for root in ("service", "clients", "tests")
    ]
    return subprocess.run(
        [sys.executable, "-m", "paretoscope_client", "spectra", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={"PYTHONPATH": ":".join(roots), "PATH": ""},
    )


def test_the_command_scans_sends_and_ends_the_series():
    store = MemoryStore()
    with running_bridge(store) as bridge:
        done = command(
            "--client", "client.scripted_microscope:client", "--to", bridge.address, "--size", "16",
            "--frames", "3", "--stream", "haadf",
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(store.frames) == 3
    assert len(done.stdout.splitlines()) == 4
    assert store.events_of("end")[0].data["frames"] == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "vendor's client is not installed"),
        (["--client", "client.scripted_microscope:client", "--zone", "Mars"], "Mars"),
        (["--client", "client.scripted_microscope:client", "--size", "0"], "no scan"),
        (["--client", "client.scripted_microscope:client", "--to", "nowhere"], "nowhere"),
        (["--client", "client.scripted_microscope:client", "--key", "a"], "--bridge-key"),
    ],
)
def test_the_command_says_in_one_line_what_cannot_work(arguments, words):
    failed = command(*arguments)
    assert failed.returncode == 2
    assert words in failed.stderr
    assert len(failed.stderr.strip().splitlines()) == 1
