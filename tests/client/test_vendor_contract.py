"""The vendor's surface as it is used: the licensed package where installed, else the simulator's stand-in.

With the licensed package, ``PARETOSCOPE_TEM_HOST`` names a server (an offline one will do) to scan on.
"""

from __future__ import annotations

import os

import pytest

from paretoscope.errors import InstrumentError
from paretoscope_client.spectra import ScanRequest, Spectra, State
from paretoscope_client.vendor import REAL_CLIENT, client_factory

SMALL = ScanRequest(size_px=64, dwell_us=1.0, insert=True)


def simulated(*faults: str):
    vendor = pytest.importorskip("paretoscope_sim.vendor")
    from paretoscope_sim.clock import Clock
    from paretoscope_sim.sources import SampleSource

    instrument = vendor.SimulatedInstrument(
        SampleSource.named("graphene"), clock=Clock(speed=1000.0), faults=vendor.FaultPlan.of(faults)
    )
    return lambda: vendor.TemMicroscopeClient(instrument)


@pytest.fixture(params=["vendor", "simulated"])
def factory(request):
    if request.param == "simulated":
        return simulated()
    pytest.importorskip("autoscript_tem_microscope_client")
    return client_factory(REAL_CLIENT)


@pytest.fixture
def spectra(factory, request):
    host = os.environ.get("PARETOSCOPE_TEM_HOST", "")
    if "vendor" in request.node.callspec.params.values() and not host:
        pytest.skip("PARETOSCOPE_TEM_HOST names no microscope server")
    with Spectra(host or "localhost", factory=factory) as driver:
        driver.connect()
        yield driver


def test_the_client_has_every_part_that_is_used(factory):
    client = factory()
    for path in ("connect", "disconnect", "acquisition", "detectors", "service"):
        assert hasattr(client, path), path


def test_it_introduces_itself(spectra):
    assert spectra.instrument.label
    assert spectra.instrument.detectors


def test_a_scan_gives_a_square_image_described_by_itself(spectra):
    scanned, fields = spectra.scan(SMALL)
    assert scanned.image.shape == (64, 64)
    assert scanned.image.dtype.kind == "u"
    assert 1e-4 < fields["pixel_size_nm"][0] < 1e3
    assert fields["dwell_us"] == pytest.approx(1.0, rel=0.2)
    assert fields["acquisition_id"]
    assert fields["acquired_end"].endswith("Z")
    assert fields["detector"] == "HAADF"


def test_two_scans_are_two_acquisitions(spectra):
    one, other = spectra.scan(SMALL)[0], spectra.scan(SMALL)[0]
    assert one.identity != other.identity


FAULTS = [
    ("server-error@1", "instrument-refused"),
    ("api-error@1", "instrument-disconnected"),
    ("disconnect@1", "instrument-disconnected"),
    ("stale-frame@1", "stale-frame"),
    ("wrong-detector@1", "wrong-detector"),
    ("non-square@1", "wrong-shape"),
]


@pytest.mark.parametrize(("fault", "code"), FAULTS)
def test_each_fault_of_the_instrument_is_told_by_its_code_and_passes(fault, code):
    with Spectra(factory=simulated(fault)) as driver:
        driver.connect()
        driver.scan(SMALL)
        with pytest.raises(InstrumentError) as refusal:
            driver.scan(SMALL)
        assert refusal.value.code == code
        if driver.state is not State.READY:
            driver.connect()
        assert driver.scan(SMALL)


def test_a_detector_that_refuses_to_go_in_is_told():
    with Spectra(factory=simulated("insert-refused@0")) as driver:
        driver.connect()
        with pytest.raises(InstrumentError, match=r"instrument-refused.*Unknown state"):
            driver.scan(ScanRequest("BF", 64, 1.0, insert=True))


@pytest.mark.parametrize(
    "fault",
    ["no-metadata", "no-pixel-size", "no-times", "no-scan-settings", "time-without-zone", "slow-frame"],
)
def test_an_image_that_says_less_of_itself_is_still_a_frame(fault):
    with Spectra(factory=simulated(fault)) as driver:
        driver.connect()
        _, fields = driver.scan(SMALL)
        assert None not in fields.values()
        if fault == "time-without-zone":
            assert "without zone" in fields["note"]
