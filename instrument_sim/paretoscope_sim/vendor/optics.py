"""The fake client's ``optics`` branch."""

from __future__ import annotations

from paretoscope_sim.vendor.common import InvalidOperationException
from paretoscope_sim.vendor.instrument import SimulatedInstrument
from paretoscope_sim.vendor.structures import Point


class _Setting:
    """A property that reads and writes one attribute of the instrument, while connected."""

    def __init__(self, attribute: str, above: float | None = None) -> None:
        self._attribute, self._above = attribute, above

    def __get__(self, branch: Optics, owner: type | None = None) -> float:
        branch.instrument.check_running()
        return getattr(branch.instrument, self._attribute)

    def __set__(self, branch: Optics, value: float) -> None:
        branch.instrument.check_running()
        if self._above is not None and not value > self._above:
            raise InvalidOperationException(f"The value {value} is not above {self._above}.")
        setattr(branch.instrument, self._attribute, value)


class Optics:
    """Lengths in metres, angles in radians."""

    optical_mode = _Setting("optical_mode")
    scan_field_of_view = _Setting("field_of_view_m", above=0.0)
    scan_rotation = _Setting("scan_rotation_rad")
    defocus = _Setting("defocus_m")

    def __init__(self, instrument: SimulatedInstrument) -> None:
        self.instrument = instrument
        self.deflectors = Deflectors(instrument)
        self.blanker = Blanker(instrument)

    @property
    def paused_scan_beam_position(self) -> Point:
        """Where the beam waits, in fractions 0 to 1 of the scan."""
        self.instrument.check_running()
        y, x = self.instrument.parked_beam
        return Point(x, y)

    @paused_scan_beam_position.setter
    def paused_scan_beam_position(self, point: Point | tuple[float, float]) -> None:
        self.instrument.check_running()
        x, y = (point.x, point.y) if isinstance(point, Point) else point
        if not (0 <= x <= 1 and 0 <= y <= 1):
            raise InvalidOperationException(f"The beam position ({x}, {y}) is outside 0 to 1.")
        self.instrument.parked_beam = (y, x)


class Deflectors:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument

    @property
    def beam_shift(self) -> Point:
        self._instrument.check_running()
        y, x = self._instrument.beam_shift_m
        return Point(x, y)

    @beam_shift.setter
    def beam_shift(self, point: Point | tuple[float, float]) -> None:
        self._instrument.check_running()
        x, y = (point.x, point.y) if isinstance(point, Point) else point
        self._instrument.beam_shift_m = (y, x)


class Blanker:
    def __init__(self, instrument: SimulatedInstrument) -> None:
        self._instrument = instrument

    def blank(self) -> None:
        self._instrument.check_running()
        self._instrument.blanked = True

    def unblank(self) -> None:
        self._instrument.check_running()
        self._instrument.blanked = False

    @property
    def is_beam_blanked(self) -> bool:
        self._instrument.check_running()
        return self._instrument.blanked
