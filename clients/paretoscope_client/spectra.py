"""A Spectra 300 through the vendor's client: connect, scan, and trust nothing that was not seen on the image.

    state           connect     scan ok     refused     connection lost     time-out
    DISCONNECTED    READY       -           -           -                   DISCONNECTED
    READY           READY       READY       READY       DISCONNECTED        STUCK
    STUCK           READY       -           -           -                   -

``connect`` starts anew from any state with a fresh client on a fresh thread.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import Enum
from types import TracebackType
from typing import Any

from paretoscope.contract.frame import MAX_SIDE_PX
from paretoscope.errors import BadParameters, InstrumentError, InstrumentTimeout
from paretoscope_client.adorned import Scanned, read_adorned
from paretoscope_client.owner import ClientOwner
from paretoscope_client.vendor import DEFAULT_PORT, ClientFactory, TemClient, client_factory

log = logging.getLogger(__name__)

SETUP_S, LINE_S = 0.21, 1.18e-3
"""Overhead per frame and per line, fitted to four published Spectra 300 timings."""
PATIENCE, PATIENCE_S = 5.0, 2.0
"""A scan is given 5 times what it should take, and 2 s."""
CONNECT_TIMEOUT_S = 30.0


class State(Enum):
    DISCONNECTED = "disconnected"
    READY = "ready"
    STUCK = "stuck"


@dataclass(frozen=True)
class ScanRequest:
    detector: str = "HAADF"
    size_px: int = 512
    """Pixels a side; frames are square."""
    dwell_us: float = 5.0
    insert: bool = False
    """Insert the detector where it is not in; moves hardware, so only when asked for."""
    any_shape: bool = False
    """Take frames as they come: a scan region or a recording decides their shape."""

    @property
    def expected_s(self) -> float:
        """How long the scan should take: W x H x dwell + 0.21 s + 1.18 ms a line."""
        return self.size_px**2 * self.dwell_us * 1e-6 + SETUP_S + LINE_S * self.size_px

    def __str__(self) -> str:
        return f"{self.size_px} x {self.size_px} at {self.dwell_us} us on {self.detector}"

    def __post_init__(self) -> None:
        if not 0 < self.size_px <= MAX_SIDE_PX or not 0.0 < self.dwell_us < 1e6:
            raise BadParameters(
                "bad-scan",
                hint=f"{self.size_px} x {self.size_px} pixels at {self.dwell_us} us is no scan. "
                f"Sides go from 1 to {MAX_SIDE_PX}, dwell times from above 0 to below 1e6 us.",
            )


@dataclass(frozen=True)
class Instrument:
    """Who answered."""

    name: str
    serial_number: str
    server_version: str
    offline: bool
    """The server runs without a microscope: what it gives is simulated."""
    detectors: tuple[str, ...]

    @property
    def label(self) -> str:
        return " ".join(part for part in (self.name, self.serial_number) if part)[:128]


class Spectra:
    """Safe to call from any thread; scans run one at a time.

    factory: makes the vendor's client, or one of the same surface. zone: the instrument's, for times without.
    """

    def __init__(
        self,
        host: str = "localhost",
        port: int = DEFAULT_PORT,
        *,
        factory: ClientFactory | None = None,
        zone: tzinfo = UTC,
        clock: Callable[[], float] = time.monotonic,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.host = host
        self.port = port
        self._factory = factory or client_factory()
        self._zone = zone
        self._clock = clock
        self._patience_s = patience_s
        self._lock = threading.RLock()
        self._owner: ClientOwner | None = None
        self._instrument: Instrument | None = None
        self._last_identity: str | None = None

    @property
    def state(self) -> State:
        if self._owner is None:
            return State.DISCONNECTED
        return State.STUCK if self._owner.stuck else State.READY

    @property
    def instrument(self) -> Instrument | None:
        return self._instrument

    def connect(self, timeout_s: float = CONNECT_TIMEOUT_S) -> Instrument:
        """Connect with a fresh client. Raises InstrumentError, InstrumentTimeout."""
        with self._lock:
            self.disconnect()
            owner = ClientOwner(self._factory)

            def work(client: TemClient) -> Instrument:
                client.connect(self.host, self.port)
                return _introduce(client)

            try:
                self._instrument = owner.call(work, timeout_s, f"connecting to {self.host}:{self.port}")
            except InstrumentError:
                owner.release(0.1)
                raise
            self._owner = owner
            return self._instrument

    def disconnect(self) -> None:
        with self._lock:
            owner, self._owner, self._instrument = self._owner, None, None
            if owner is not None:
                owner.release(0.1 if owner.stuck else 5.0)

    def scan(self, request: ScanRequest) -> tuple[Scanned, dict[str, Any]]:
        """Scan one frame; returns what the image says and the header fields for it.

        Setting the detector and scanning are one unit on the client's thread. Raises InstrumentError:
        'not-connected', 'no-detector', 'stale-frame', 'wrong-detector', 'wrong-shape', 'no-image',
        'instrument-refused', 'instrument-disconnected', 'instrument-stuck'; InstrumentTimeout.
        """
        with self._lock:
            owner, instrument = self._owner, self._instrument
            if owner is None or instrument is None:
                raise InstrumentError("not-connected", hint="Connect to the microscope first.")
            if instrument.detectors and _plain(request.detector) not in map(_plain, instrument.detectors):
                raise InstrumentError(
                    "no-detector",
                    hint=f"This microscope has {', '.join(instrument.detectors)}; not {request.detector}.",
                    retry=False,
                )
            doing = f"scanning {request}"
            started_s = self._clock()
            timeout_s = PATIENCE * request.expected_s + self._patience_s
            try:
                adorned = owner.call(lambda client: _scan(client, request), timeout_s, doing)
            except InstrumentTimeout:
                raise
            except InstrumentError as error:
                if error.code == "instrument-disconnected":
                    self.disconnect()
                raise
            elapsed_s = self._clock() - started_s
            scanned = read_adorned(adorned, self._zone)
            self._check(scanned, request)
            return scanned, header_fields(scanned, instrument, elapsed_s)

    def park_beam(self, x: float, y: float) -> None:
        """Let the beam wait at (x, y), fractions 0..1 of the scan, while nothing is scanned.

        What ``BeamTargets.points`` gives. Raises InstrumentError as `scan` does.
        """

        def work(client: TemClient) -> None:
            client.optics.paused_scan_beam_position = (x, y)

        self._act(work, f"moving the beam to ({x:.4f}, {y:.4f})")

    def blank_beam(self, blanked: bool = True) -> None:
        """Take the beam off the specimen, or put it back."""

        def work(client: TemClient) -> None:
            blanker = client.optics.blanker
            blanker.blank() if blanked else blanker.unblank()

        self._act(work, "blanking the beam" if blanked else "unblanking the beam")

    def _act(self, work: Callable[[TemClient], None], doing: str) -> None:
        with self._lock:
            if self._owner is None:
                raise InstrumentError("not-connected", hint="Connect to the microscope first.")
            try:
                self._owner.call(work, self._patience_s, doing)
            except InstrumentError as error:
                if error.code == "instrument-disconnected":
                    self.disconnect()
                raise

    def _check(self, scanned: Scanned, request: ScanRequest) -> None:
        """That this is the image that was asked for, and a new one."""
        identity = scanned.identity
        if identity is not None and identity == self._last_identity:
            raise InstrumentError(
                "stale-frame",
                hint=f"The microscope returned acquisition {identity} a second time. Scan again.",
            )
        self._last_identity = identity
        if scanned.detector is not None and _plain(scanned.detector) != _plain(request.detector):
            raise InstrumentError(
                "wrong-detector",
                hint=f"Asked for {request.detector}, the image is from {scanned.detector}. "
                "Is another program using the microscope?",
            )
        if not request.any_shape and scanned.image.shape != (request.size_px, request.size_px):
            raise InstrumentError(
                "wrong-shape",
                hint=f"Asked for {request.size_px} x {request.size_px} pixels, got {scanned.image.shape}. "
                "Is a scan region set on the microscope?",
            )

    def __enter__(self) -> Spectra:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()


def header_fields(scanned: Scanned, instrument: Instrument, elapsed_s: float) -> dict[str, Any]:
    """The fields of ``FrameHeader`` that the instrument knows; elapsed_s: how long the scan took as seen."""
    fields = {
        "pixel_size_nm": scanned.pixel_size_nm,
        "dwell_us": scanned.dwell_us,
        "frame_time_s": elapsed_s if elapsed_s > 0 else None,
        "acquired_start": scanned.acquired_start,
        "acquired_end": scanned.acquired_end,
        "acquisition_id": scanned.acquisition_id,
        "detector": scanned.detector,
        "instrument": instrument.label or None,
        "simulated": instrument.offline,
        "note": "; ".join(scanned.notes)[:512] or None,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _scan(client: TemClient, request: ScanRequest) -> Any:
    if request.insert:
        detector = client.detectors.get_scanning_detector(request.detector)
        if _plain(detector.insertion_state) != "inserted":
            detector.insert()
    return client.acquisition.acquire_stem_image(request.detector, request.size_px, request.dwell_us * 1e-6)


def _introduce(client: TemClient) -> Instrument:
    """What the server says of itself; a part that it does not know is empty."""
    system = getattr(client.service, "system", None)
    server = getattr(getattr(client.service, "autoscript", None), "server", None)
    return Instrument(
        name=str(getattr(system, "name", None) or ""),
        serial_number=str(getattr(system, "serial_number", None) or ""),
        server_version=str(getattr(server, "version", None) or ""),
        offline=bool(getattr(server, "is_offline", False)),
        detectors=tuple(
            str(getattr(name, "name", name)) for name in client.detectors.scanning_detectors or ()
        ),
    )


def _plain(name: Any) -> str:
    """'BF-S', 'bf_s' and the enumeration member BF_S are one name."""
    return "".join(letter for letter in str(getattr(name, "name", name)).casefold() if letter.isalnum())
