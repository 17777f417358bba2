"""The microscope behind the fake client: its state, and the taking of one image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from math import degrees

from paretoscope_sim.clock import SETUP_S, Clock, frame_time_s
from paretoscope_sim.sources import Exposure, RowWatch, Source, View
from paretoscope_sim.vendor.common import NOT_RUNNING, ApiException, ApplicationServerException
from paretoscope_sim.vendor.enumerations import DetectorType
from paretoscope_sim.vendor.faults import FaultPlan
from paretoscope_sim.vendor.metadata import (
    Acquisition,
    AdornedImageMetadata,
    BinaryResult,
    Instrument,
    PixelSize,
    ScanSettings,
    ScanSize,
    StageSettings,
)
from paretoscope_sim.vendor.structures import AdornedImage, Rectangle, StagePosition

NAME, SERIAL, VERSION = "Simulated Spectra", "SIM-0001", "1.18.0"
SLOW_FACTOR = 3.0
CONTINUOUS_TIMEOUT_S = 10.0


@dataclass
class SimulatedInstrument:
    """Everything the fake client reads and sets. Metres and radians, as the vendor has them."""

    source: Source
    clock: Clock = field(default_factory=Clock)
    faults: FaultPlan = field(default_factory=FaultPlan)
    field_of_view_m: float = 16e-9
    now: Callable[[], datetime] = lambda: datetime.now(UTC)

    connected: bool = False
    inserted: dict[str, bool] = field(default_factory=lambda: {str(d): d == "HAADF" for d in DetectorType})
    gain: dict[str, float] = field(default_factory=lambda: {str(d): 1.0 for d in DetectorType})
    blanked: bool = False
    valves_open: bool = True
    optical_mode: str = "Stem"
    scan_rotation_rad: float = 0.0
    defocus_m: float = 0.0
    beam_shift_m: tuple[float, float] = (0.0, 0.0)
    """(y, x)."""
    parked_beam: tuple[float, float] = (0.5, 0.5)
    """(y, x), fractions of the scan."""
    stage: StagePosition = field(default_factory=lambda: StagePosition(0.0, 0.0, 0.0, 0.0, None))

    frames_taken: int = 0
    last: AdornedImage | None = None
    last_exposure: Exposure | None = None
    """With the truth about the newest image; not part of the vendor's surface."""
    watch: RowWatch | None = None
    """Sees rows while they are scanned; not part of the vendor's surface."""
    _waited_s: float = 0.0

    def check_running(self) -> None:
        if not self.connected:
            raise ApiException(NOT_RUNNING)

    def view(
        self, detector: str, size: tuple[int, int], dwell_s: float, part: Rectangle | None = None
    ) -> View:
        """Return how the next image looks at the specimen.

        Moving the stage moves the specimen, so the image's place on it moves the other way; a beam shift
        moves the beam itself. part: the piece of the full field that is scanned.
        """
        part = part or Rectangle()
        side, pixel_m = size[1], self.field_of_view_m / size[1]
        rows, columns = max(1, round(part.height * size[0])), max(1, round(part.width * side))
        middle_y = (part.top + part.height / 2 - 0.5) * size[0] * pixel_m
        middle_x = (part.left + part.width / 2 - 0.5) * side * pixel_m
        return View(
            shape=(rows, columns),
            field_of_view_nm=columns * pixel_m * 1e9,
            dwell_us=dwell_s * 1e6,
            offset_nm=(
                1e9 * (self.beam_shift_m[0] - (self.stage.y or 0.0)),
                1e9 * (self.beam_shift_m[1] - (self.stage.x or 0.0)),
            ),
            part_nm=(middle_y * 1e9, middle_x * 1e9),
            rotation_deg=degrees(self.scan_rotation_rad),
            defocus_nm=self.defocus_m * 1e9,
            detector=detector,
            gain=self.gain.get(detector, 1.0),
            beam_on=self.valves_open and not self.blanked and self.inserted.get(detector, False),
        )

    def take(self, view: View, waited_s: float = 0.0) -> AdornedImage:
        """Scan one image: blocks for as long as the instrument would, then returns it or raises.

        waited_s: how much of this frame's time has passed before.
        """
        self.check_running()
        index, strikes = self.frames_taken, self.faults.strikes
        self.frames_taken += 1
        if strikes("server-error", index):
            raise ApplicationServerException("ApplicationServerException: The acquisition failed.")
        if strikes("api-error", index):
            raise ApiException(NOT_RUNNING)
        if strikes("non-square", index):
            view = _upper_rows(view)
        if strikes("wrong-detector", index):
            view = replace(view, detector=str(DetectorType.BF))
        shape = self.source.shape(view, index)
        takes_s = frame_time_s(shape, view.dwell_us) * (SLOW_FACTOR if strikes("slow-frame", index) else 1.0)
        if strikes("stale-frame", index) and self.last is not None:
            self.clock.wait(takes_s)
            return self.last
        started = self.now()
        exposure = self.source.expose(view, index)
        spent_s = (self.now() - started).total_seconds()
        # Rendering is part of the frame's time, not added to it.
        passed_s = waited_s + max(0.0, spent_s * self.clock.speed)
        if strikes("disconnect", index):
            self._scan(exposure, view.detector, takes_s, passed_s, share=0.5)
            self.connected = False
            raise ApiException(NOT_RUNNING)
        self._scan(exposure, view.detector, takes_s, passed_s)
        image = AdornedImage(exposure.image, self._metadata(view, exposure, index, started, takes_s))
        self.last, self.last_exposure = image, exposure
        return image

    def _scan(
        self, exposure: Exposure, detector: str, takes_s: float, passed_s: float, share: float = 1.0
    ) -> None:
        """Let the first `share` of the scan's time pass, of which `passed_s` have, and show rows when done.

        Set-up comes first, then row after row with its flyback; the last one ends the frame's time.
        """
        rows = len(exposure.image)
        setup_s = takes_s * SETUP_S / frame_time_s(exposure.image.shape, exposure.dwell_us)
        row_s = (takes_s - setup_s) / rows
        if self.watch is not None:
            self.watch.begun(exposure, detector)
            for first in range(0, rows, self.watch.block):
                last = min(first + self.watch.block, rows)
                due_s = setup_s + last * row_s
                if due_s > share * takes_s:
                    break
                self.clock.wait(max(0.0, due_s - passed_s))
                passed_s = max(passed_s, due_s)
                self.watch.rows(exposure.image[first:last])
        self.clock.wait(max(0.0, share * takes_s - passed_s))

    def next_continuous(self, view: View) -> AdornedImage:
        """Wait for a running scan's next frame, at most 10 s; a longer frame goes on meanwhile."""
        self.check_running()
        takes_s = frame_time_s(self.source.shape(view, self.frames_taken), view.dwell_us)
        left_s = takes_s - self._waited_s
        timed_out = self.faults.strikes("continuous-timeout", self.frames_taken)
        if timed_out or left_s > CONTINUOUS_TIMEOUT_S:
            self.clock.wait(CONTINUOUS_TIMEOUT_S)
            self._waited_s = 0.0 if timed_out else self._waited_s + CONTINUOUS_TIMEOUT_S
            self.frames_taken += timed_out
            raise ApiException("Waiting for the next frame timed out after 10 s.")
        waited_s, self._waited_s = self._waited_s, 0.0
        return self.take(view, waited_s)

    def _metadata(
        self, view: View, exposure: Exposure, index: int, started: datetime, takes_s: float
    ) -> AdornedImageMetadata | None:
        """Return what the image says of itself, less what the faults take away."""
        strikes = self.faults.strikes
        if strikes("no-metadata", index):
            return None
        rows, columns = exposure.image.shape
        size = exposure.pixel_size_nm
        zone = not strikes("time-without-zone", index)
        ended = started + timedelta(seconds=takes_s / self.clock.speed)
        times = [(t if zone else t.replace(tzinfo=None)).isoformat() for t in (started, ended)]
        stage = self.stage
        return AdornedImageMetadata(
            binary_result=None
            if strikes("no-pixel-size", index)
            else BinaryResult(
                None if size is None else PixelSize(x=size[1] * 1e-9, y=size[0] * 1e-9),
                view.detector,
            ),
            acquisition=None
            if strikes("no-times", index)
            else Acquisition(f"{SERIAL}-{started:%Y%m%d%H%M%S}-{index:06d}", times[0], times[1]),
            scan_settings=None
            if strikes("no-scan-settings", index)
            else ScanSettings(exposure.dwell_us * 1e-6, ScanSize(columns, rows), takes_s),
            stage_settings=StageSettings(StagePosition(stage.x, stage.y, stage.z, stage.a, stage.b)),
            instrument=Instrument(NAME, SERIAL),
        )


def _upper_rows(view: View) -> View:
    rows = max(1, view.shape[0] * 3 // 4)
    up_nm = (view.shape[0] - rows) / 2 * view.field_of_view_nm / view.shape[1]
    return replace(view, shape=(rows, view.shape[1]), part_nm=(view.part_nm[0] - up_nm, view.part_nm[1]))
