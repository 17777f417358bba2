"""The fake client: the vendor's tree of objects, over a simulated instrument.

    client = TemMicroscopeClient()
    client.connect("localhost")
    image = client.acquisition.acquire_stem_image(DetectorType.HAADF, ImageSize.PRESET_512, 32e-6)

Written from the names that public code uses; nothing here comes from the vendor's package.
"""

from __future__ import annotations

from dataclasses import replace

from paretoscope_sim.sources import SampleSource
from paretoscope_sim.vendor.common import (
    INSERT_REFUSED,
    ApplicationServerException,
    InvalidOperationException,
)
from paretoscope_sim.vendor.enumerations import DetectorInsertionState, ImageSize, VacuumValvesState
from paretoscope_sim.vendor.instrument import NAME, SERIAL, VERSION, SimulatedInstrument
from paretoscope_sim.vendor.optics import Optics
from paretoscope_sim.vendor.structures import (
    AdornedImage,
    Rectangle,
    StagePosition,
    StemAcquisitionSettings,
)

DEFAULT_PORT = 7521


class TemMicroscopeClient:
    """Drop-in for the vendor's class; the instrument and its clock may be given."""

    def __init__(self, instrument: SimulatedInstrument | None = None) -> None:
        self.instrument = instrument or SimulatedInstrument(SampleSource.named("graphene"))
        self.server_host: str | None = None
        self.server_port: int | None = None
        self.detectors = Detectors(self.instrument)
        self.acquisition = Acquisition(self.instrument)
        self.optics = Optics(self.instrument)
        self.vacuum = Vacuum(self.instrument)
        self.specimen = Specimen(self.instrument)
        self.service = Service()

    def connect(self, host: str = "localhost", port: int = DEFAULT_PORT) -> None:
        self.instrument.clock.connect()
        self.instrument.connected = True
        self.server_host, self.server_port = host, port

    def disconnect(self) -> None:
        self.instrument.connected = False
        self.server_host = self.server_port = None


class Detectors:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument

    @property
    def scanning_detectors(self) -> list[str]:
        self._instrument.check_running()
        return list(self._instrument.inserted)

    def get_scanning_detector(self, detector: str) -> ScanningDetector:
        self._instrument.check_running()
        if str(detector) not in self._instrument.inserted:
            raise InvalidOperationException(f"There is no detector {detector}.")
        return ScanningDetector(self._instrument, str(detector))


class ScanningDetector:
    def __init__(self, instrument: SimulatedInstrument, name: str) -> None:
        self._instrument, self.name = instrument, name

    def insert(self) -> None:
        self._instrument.check_running()
        if self._instrument.faults.strikes("insert-refused", self._instrument.frames_taken):
            raise ApplicationServerException(INSERT_REFUSED)
        self._instrument.inserted[self.name] = True

    def retract(self) -> None:
        self._instrument.check_running()
        self._instrument.inserted[self.name] = False

    @property
    def insertion_state(self) -> DetectorInsertionState:
        self._instrument.check_running()
        inserted = self._instrument.inserted[self.name]
        return DetectorInsertionState.INSERTED if inserted else DetectorInsertionState.RETRACTED

    @property
    def gain(self) -> float:
        return self._instrument.gain[self.name]

    @gain.setter
    def gain(self, value: float) -> None:
        self._instrument.gain[self.name] = value


class Acquisition:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument
        self.continuous_stem_acquisitions = ContinuousStemAcquisitions(instrument)

    def acquire_stem_image(self, detector: str, size: int | ImageSize, dwell_time: float) -> AdornedImage:
        """Scan a square image. dwell_time: seconds. Blocks until the scan is over."""
        return self._instrument.take(_view(self._instrument, detector, size, dwell_time))

    def acquire_stem_images_advanced(self, settings: StemAcquisitionSettings) -> list[AdornedImage]:
        """One image per detector. They are scanned one after the other here, together on the instrument."""
        part = settings.region.rectangle if settings.region is not None else None
        images = [
            self._instrument.take(_view(self._instrument, detector, settings.size, settings.dwell_time, part))
            for detector in settings.detector_types
        ]
        if settings.auto_beam_blank:
            self._instrument.blanked = True
        return images


class ContinuousStemAcquisitions:
    """A running scan. Its size and dwell are those set in the instrument's own window, not by this client."""

    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument
        self._size, self._dwell_s = 512, 2e-6

    def scan_with(self, size: int, dwell_s: float) -> None:
        """Stand in for the operator's settings; not part of the vendor's surface."""
        self._size, self._dwell_s = size, dwell_s

    def wait_for_next_frame(self, detector_type: str = "HAADF") -> AdornedImage:
        """Return the next whole frame. Raises ApiException after 10 s; a long frame goes on meanwhile."""
        return self._instrument.next_continuous(
            _view(self._instrument, detector_type, self._size, self._dwell_s)
        )


def _view(
    instrument: SimulatedInstrument,
    detector: str,
    size: int | ImageSize,
    dwell_s: float,
    part: Rectangle | None = None,
):
    instrument.check_running()
    if str(detector) not in instrument.inserted:
        raise InvalidOperationException(f"There is no detector {detector}.")
    side = int(str(size).split("x")[0])
    if not (1 <= side <= 16384 and dwell_s > 0):
        raise InvalidOperationException(f"Cannot scan {side} pixels a side at a dwell time of {dwell_s} s.")
    return instrument.view(str(detector), (side, side), dwell_s, part)


class Vacuum:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self.column_valves = ColumnValves(instrument)


class ColumnValves:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument

    @property
    def state(self) -> VacuumValvesState:
        self._instrument.check_running()
        return VacuumValvesState.OPEN if self._instrument.valves_open else VacuumValvesState.CLOSED

    def open(self) -> None:
        self._instrument.check_running()
        self._instrument.valves_open = True

    def close(self) -> None:
        self._instrument.check_running()
        self._instrument.valves_open = False


class Specimen:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self.stage = Stage(instrument)


class Stage:
    """Moves the specimen: by +x the image shows what lies at -x."""

    is_moving = False

    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument

    @property
    def position(self) -> StagePosition:
        self._instrument.check_running()
        return replace(self._instrument.stage)

    def absolute_move(self, position: StagePosition) -> None:
        """Axes that are None stay where they are."""
        self._instrument.check_running()
        given = {axis: value for axis, value in vars(position).items() if value is not None}
        self._instrument.stage = replace(self._instrument.stage, **given)

    def relative_move(self, position: StagePosition) -> None:
        self._instrument.check_running()
        here = vars(self._instrument.stage)
        moved = {
            axis: (here[axis] or 0.0) + value for axis, value in vars(position).items() if value is not None
        }
        self._instrument.stage = replace(self._instrument.stage, **moved)


class Service:
    """Who answers. ``autoscript.server.is_offline`` is True: there is no real microscope behind it."""

    def __init__(self) -> None:
        self.system = System()
        self.autoscript = AutoScript()


class System:
    name, serial_number, version = NAME, SERIAL, VERSION


class AutoScript:
    def __init__(self) -> None:
        self.server = Server()
        self.client = Client()


class Server:
    version, is_offline = VERSION, True


class Client:
    version = VERSION
