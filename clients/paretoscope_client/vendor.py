"""The part of the microscope vendor's client that is used, as a Protocol, and where to get one.

The vendor's package is licensed and never depended on: it is imported only where it is installed. Anything of
the same surface serves as well, such as the simulator's. Units are the vendor's own: seconds, metres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Protocol

from paretoscope.errors import InstrumentError

REAL_CLIENT = "autoscript_tem_microscope_client:TemMicroscopeClient"
DEFAULT_PORT = 7521


class Acquisition(Protocol):
    def acquire_stem_image(self, detector: Any, size: Any, dwell_time: float) -> Any:
        """detector: a name; size: pixels a side; dwell_time: s. Blocks for the scan; an AdornedImage."""
        ...


class ScanningDetector(Protocol):
    @property
    def insertion_state(self) -> Any: ...

    def insert(self) -> Any: ...


class Detectors(Protocol):
    @property
    def scanning_detectors(self) -> Sequence[Any]: ...

    def get_scanning_detector(self, detector: Any) -> ScanningDetector: ...


class TemClient(Protocol):
    """What ``TemMicroscopeClient()`` gives."""

    @property
    def acquisition(self) -> Acquisition: ...

    @property
    def detectors(self) -> Detectors: ...

    @property
    def optics(self) -> Any:
        """.paused_scan_beam_position = (x, y), fractions of the scan; .blanker.blank() / unblank()."""
        ...

    @property
    def service(self) -> Any:
        """.system.name / serial_number / version; .autoscript.server.version / is_offline."""
        ...

    def connect(self, host: str, port: int) -> Any: ...

    def disconnect(self) -> Any: ...


ClientFactory = Callable[[], TemClient]


def client_factory(name: str = REAL_CLIENT) -> ClientFactory:
    """The class `name`, written 'module:Class'. Raises InstrumentError where it cannot be imported."""
    module_name, _, attribute = name.partition(":")
    try:
        return getattr(import_module(module_name), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        hint = (
            "The vendor's client is not installed in this Python. Install it from the microscope's own "
            "media, or name another client of the same surface as 'module:Class'."
            if name == REAL_CLIENT
            else f"There is no client {name!r} ({error}). Write it as 'module:Class'."
        )
        raise InstrumentError("vendor-client-missing", hint=hint, retry=False) from error
