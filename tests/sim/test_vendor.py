"""The fake of the vendor's client: same surface, same habits, faults on demand."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from xml.etree import ElementTree

import numpy as np
import pytest

from paretoscope.errors import BadParameters
from paretoscope_sim import Scan
from paretoscope_sim.clock import Clock
from paretoscope_sim.imaging import ideal
from paretoscope_sim.sources import SampleSource
from paretoscope_sim.vendor import (
    FAULTS,
    ApiException,
    ApplicationServerException,
    FaultPlan,
    InvalidOperationException,
    Schedule,
    SimulatedInstrument,
    StagePosition,
    StemAcquisitionSettings,
    TemMicroscopeClient,
)
from paretoscope_sim.vendor.enumerations import DetectorType, ImageSize
from paretoscope_sim.vendor.structures import Point, Rectangle, Region

FIELD_NM = 4.0
SOURCE = SampleSource.named(
    "MoS2", replace(ideal(Scan(shape=(128, 128), field_of_view_nm=FIELD_NM)), current_pa=500.0)
)


class Timer:
    """Counts the time that would have been slept."""

    def __init__(self) -> None:
        self.total_s = 0.0

    def __call__(self, seconds: float) -> None:
        self.total_s += seconds


@pytest.fixture
def timer():
    return Timer()


@pytest.fixture
def connect(timer):
    def make(*faults: str) -> TemMicroscopeClient:
        instrument = SimulatedInstrument(
            SOURCE,
            Clock(sleep=timer),
            FaultPlan.of(faults),
            field_of_view_m=FIELD_NM * 1e-9,
            now=lambda: datetime.fromisoformat("2026-11-21T09:30:00+00:00"),
        )
        client = TemMicroscopeClient(instrument)
        client.connect("localhost", 9095)
        return client

    return make


def scan(client, size: int = 128, detector: str = "HAADF"):
    return client.acquisition.acquire_stem_image(detector, size, 4e-6)


def moved_px(first, second) -> tuple[float, float]:
    """How far the content of the second image is from that of the first, by cross-correlation."""
    a, b = (np.fft.fft2(image - image.mean()) for image in (first.astype(float), second.astype(float)))
    peak = np.unravel_index(np.argmax(np.fft.ifft2(b * np.conj(a)).real), a.shape)
    return tuple((int(p) + n // 2) % n - n // 2 for p, n in zip(peak, a.shape, strict=True))


def test_an_image_carries_its_own_metadata(connect):
    image = scan(connect())
    assert image.data.dtype == np.uint16
    assert (image.width, image.height, image.bit_depth) == (128, 128, 16)
    tree = image.metadata
    assert tree.binary_result.pixel_size.x == pytest.approx(FIELD_NM * 1e-9 / 128)
    assert tree.binary_result.pixel_size.y == pytest.approx(FIELD_NM * 1e-9 / 128)
    assert tree.scan_settings.dwell_time == pytest.approx(4e-6)
    assert (tree.scan_settings.scan_size.width, tree.scan_settings.scan_size.height) == (128, 128)
    assert datetime.fromisoformat(tree.acquisition.acquisition_date_time).tzinfo is not None
    assert ElementTree.fromstring(tree.metadata_as_xml).find("BinaryResult/Detector").text == "HAADF"


def test_preset_sizes_and_plain_strings_are_accepted(connect):
    client = connect()
    image = client.acquisition.acquire_stem_image(
        detector="HAADF", size=ImageSize.PRESET_256, dwell_time=1e-6
    )
    assert image.data.shape == (256, 256)


def test_an_acquisition_blocks_for_the_instruments_time(connect, timer):
    client = connect()
    connected_s = timer.total_s
    client.acquisition.acquire_stem_image(DetectorType.HAADF, ImageSize.PRESET_512, 32e-6)
    assert connected_s == pytest.approx(0.040)
    assert timer.total_s - connected_s == pytest.approx(9.2, abs=0.05)


def test_nothing_works_before_connecting(connect):
    client = connect()
    client.disconnect()
    with pytest.raises(ApiException, match="client is not running"):
        scan(client)
    with pytest.raises(ApiException, match="client is not running"):
        client.optics.defocus = 1e-9


def test_a_larger_field_of_view_makes_larger_pixels_and_more_atoms(connect):
    client = connect()
    scan(client)
    near = client.instrument.last_exposure
    client.optics.scan_field_of_view = 2 * FIELD_NM * 1e-9
    image = scan(client)
    far = client.instrument.last_exposure
    assert image.metadata.binary_result.pixel_size.x == pytest.approx(2 * FIELD_NM * 1e-9 / 128)
    assert far.truth.in_frame.sum() > 3 * near.truth.in_frame.sum()


def test_moving_the_stage_moves_the_image(connect):
    client = connect()
    first = scan(client).data
    pixel_m = FIELD_NM * 1e-9 / 128
    client.specimen.stage.relative_move(StagePosition(x=3 * pixel_m, y=-2 * pixel_m))
    assert moved_px(first, scan(client).data) == (-2, 3)
    client.specimen.stage.absolute_move(StagePosition(x=0.0, y=0.0))
    assert moved_px(first, scan(client).data) == (0, 0)


def test_shifting_the_beam_moves_the_image_the_other_way(connect):
    client = connect()
    first = scan(client).data
    pixel_m = FIELD_NM * 1e-9 / 128
    client.optics.deflectors.beam_shift = Point(x=3 * pixel_m, y=-2 * pixel_m)
    assert moved_px(first, scan(client).data) == (2, -3)


def test_a_region_is_a_piece_of_the_whole_scan(connect):
    client = connect()
    whole = scan(client).data
    part = Region(rectangle=Rectangle(left=0.25, top=0.5, width=0.5, height=0.25))
    piece = client.acquisition.acquire_stem_images_advanced(
        StemAcquisitionSettings(4e-6, [DetectorType.HAADF], 128, region=part)
    )[0]
    assert piece.data.shape == (32, 64)
    assert np.corrcoef(piece.data.ravel(), whole[64:96, 32:96].ravel())[0, 1] > 0.9


def test_defocus_blurs(connect):
    client = connect()
    sharp = scan(client).data.std()
    client.optics.defocus = 8e-9
    assert scan(client).data.std() < 0.5 * sharp


@pytest.mark.parametrize("off", ["blanker", "valves", "detector"])
def test_without_beam_or_detector_the_image_is_dark(connect, off):
    client = connect()
    if off == "blanker":
        client.optics.blanker.blank()
        assert client.optics.blanker.is_beam_blanked
    elif off == "valves":
        client.vacuum.column_valves.close()
    else:
        client.detectors.get_scanning_detector("HAADF").retract()
    assert scan(client).data.std() < 15


def test_atoms_are_dark_in_bright_field(connect):
    client = connect()
    dark_field = scan(client).data
    client.detectors.get_scanning_detector(DetectorType.BF).insert()
    bright_field = scan(client, detector="BF").data
    assert np.corrcoef(dark_field.ravel(), bright_field.ravel())[0, 1] < -0.5


def test_the_amplifier_makes_images_brighter(connect):
    client = connect()
    usual = scan(client).data.mean() - 800
    client.detectors.get_scanning_detector("HAADF").gain = 0.5
    assert scan(client).data.mean() - 800 == pytest.approx(usual / 2, rel=0.02)


def test_the_beam_can_be_parked_only_inside_the_scan(connect):
    client = connect()
    client.optics.paused_scan_beam_position = Point(0.25, 0.75)
    assert client.optics.paused_scan_beam_position == Point(0.25, 0.75)
    with pytest.raises(InvalidOperationException):
        client.optics.paused_scan_beam_position = Point(1.5, 0.5)


def test_impossible_requests_are_refused(connect):
    client = connect()
    with pytest.raises(InvalidOperationException, match="EDX"):
        client.acquisition.acquire_stem_image("EDX", 128, 1e-6)
    with pytest.raises(InvalidOperationException, match="dwell"):
        client.acquisition.acquire_stem_image("HAADF", 128, 0.0)
    with pytest.raises(InvalidOperationException):
        client.optics.scan_field_of_view = 0.0


def test_the_server_says_that_no_microscope_is_behind_it(connect):
    service = connect().service
    assert service.autoscript.server.is_offline is True
    assert service.system.name
    assert service.system.serial_number


def test_the_microscope_introduces_its_detectors(connect):
    assert "HAADF" in connect().detectors.scanning_detectors


def test_continuous_frames_come_one_after_the_other(connect):
    client = connect()
    running = client.acquisition.continuous_stem_acquisitions
    running.scan_with(64, 1e-6)
    first, second = (running.wait_for_next_frame(detector_type="HAADF") for _ in range(2))
    ids = {image.metadata.acquisition.acquisition_id for image in (first, second)}
    assert len(ids) == 2


def test_a_continuous_frame_longer_than_ten_seconds_times_out_first(connect, timer):
    client = connect()
    running = client.acquisition.continuous_stem_acquisitions
    running.scan_with(128, 900e-6)  # 15.1 s a frame
    before_s = timer.total_s
    with pytest.raises(ApiException, match="10 s"):
        running.wait_for_next_frame()
    assert running.wait_for_next_frame().data.shape == (128, 128)
    assert timer.total_s - before_s == pytest.approx(15.1, abs=0.1)


def test_saving_writes_what_can_be_read_again(connect, tmp_path):
    from paretoscope.adapters.files import read_image

    image = scan(connect())
    image.save(tmp_path / "frame.tif")
    again = read_image(tmp_path / "frame.tif")
    assert np.array_equal(again.image, image.data)
    assert again.pixel_size_nm == pytest.approx((FIELD_NM / 128,) * 2, rel=1e-4)


@pytest.mark.parametrize(
    ("fault", "error"), [("server-error", ApplicationServerException), ("api-error", ApiException)]
)
def test_refusals_are_the_vendors_errors(connect, fault, error):
    client = connect(f"{fault}@0")
    with pytest.raises(error):
        scan(client)
    assert scan(client).data.shape == (128, 128)


@pytest.mark.parametrize(
    ("fault", "branch"),
    [
        ("no-pixel-size", "binary_result"),
        ("no-times", "acquisition"),
        ("no-scan-settings", "scan_settings"),
    ],
)
def test_any_branch_of_the_metadata_may_be_missing(connect, fault, branch):
    client = connect(f"{fault}@1")
    assert getattr(scan(client).metadata, branch) is not None
    image = scan(client)
    assert getattr(image.metadata, branch) is None
    assert image.metadata.metadata_as_xml


def test_all_of_the_metadata_may_be_missing(connect):
    assert scan(connect("no-metadata")).metadata is None


def test_a_time_may_lack_its_zone(connect):
    times = scan(connect("time-without-zone")).metadata.acquisition
    assert datetime.fromisoformat(times.acquisition_start_date_time).tzinfo is None


def test_a_scan_may_be_cut_to_fewer_rows_and_shows_the_upper_ones(connect):
    client = connect("non-square@1")
    whole, cut = scan(client).data, scan(client).data
    assert cut.shape == (96, 128)
    assert np.corrcoef(cut.ravel(), whole[:96].ravel())[0, 1] > 0.9


def test_a_stale_frame_is_the_old_one_with_its_old_id(connect):
    client = connect("stale-frame@1")
    first, second, third = scan(client), scan(client), scan(client)
    assert second is first
    assert third.metadata.acquisition.acquisition_id != first.metadata.acquisition.acquisition_id


def test_a_wrong_detector_shows_in_pixels_and_metadata(connect):
    client = connect("wrong-detector@1")
    right, wrong = scan(client), scan(client)
    assert wrong.metadata.binary_result.detector == "BF"
    assert np.abs(wrong.data.astype(float) - right.data).mean() > 100


def test_a_slow_frame_takes_three_times_as_long(connect, timer):
    client = connect("slow-frame@1")
    times = []
    for _ in range(2):
        before_s = timer.total_s
        scan(client)
        times.append(timer.total_s - before_s)
    assert times[1] == pytest.approx(3 * times[0], rel=0.01)


def test_a_connection_may_be_lost_in_mid_scan_and_found_again(connect):
    client = connect("disconnect@0")
    with pytest.raises(ApiException, match="not running"):
        scan(client)
    with pytest.raises(ApiException, match="not running"):
        scan(client)
    client.connect("localhost")
    assert scan(client).data.shape == (128, 128)


def test_an_insertion_may_be_refused(connect):
    detector = connect("insert-refused").detectors.get_scanning_detector("BF")
    with pytest.raises(ApplicationServerException, match="Unknown state"):
        detector.insert()


def test_a_continuous_wait_may_time_out(connect, timer):
    client = connect("continuous-timeout@0")
    running = client.acquisition.continuous_stem_acquisitions
    running.scan_with(64, 1e-6)
    before_s = timer.total_s
    with pytest.raises(ApiException, match="timed out"):
        running.wait_for_next_frame()
    assert timer.total_s - before_s == pytest.approx(10.0)
    assert running.wait_for_next_frame().data.shape == (64, 64)


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ("no-metadata", list(range(12))),
        ("no-metadata@3", [3]),
        ("no-metadata@3,7", [3, 7]),
        ("no-metadata@every5", [4, 9]),
    ],
)
def test_faults_come_when_they_are_asked_to(text, frames):
    schedule = Schedule.parse(text)
    assert [n for n in range(12) if schedule.happens(n, seed=0)] == frames


def test_faults_by_chance_are_drawn_from_the_seed():
    schedule = Schedule.parse("no-metadata@p0.25")
    first, again, other = ([schedule.happens(n, seed) for n in range(400)] for seed in (1, 1, 2))
    assert first == again != other
    assert 60 < sum(first) < 140


@pytest.mark.parametrize("text", ["nothing", "slow-frame@", "slow-frame@x", "slow-frame@p2", "slow-frame@-1"])
def test_a_fault_that_makes_no_sense_is_refused(text):
    with pytest.raises(BadParameters):
        Schedule.parse(text)


def test_every_fault_has_a_help_text():
    assert all(text.endswith(".") for text in FAULTS.values())


def test_the_same_seed_and_frame_give_the_same_bytes_through_the_client(connect):
    first, again = connect(), connect()
    scan(first), scan(again)
    assert scan(first).data.tobytes() == scan(again).data.tobytes()
