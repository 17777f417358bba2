"""The vendor's surface in miniature: scans at once, notes which thread called, does as the script says."""

from __future__ import annotations

import threading
from collections import deque
from types import SimpleNamespace as Part
from typing import Any

import numpy as np


class ApiException(Exception):
    pass


class ApplicationServerException(ApiException):
    pass


NOT_RUNNING = ApiException("ApiException: Cannot perform a call because the client is not running.")
REFUSED = ApplicationServerException(
    "ApplicationServerException: The insert operation is not allowed in Unknown state."
)


def adorned(number: int, size: int, dwell_s: float, detector: str, **changes: Any) -> Part:
    """An AdornedImage; `changes` replace parts of the metadata, 'data' the pixels."""
    data = changes.pop(
        "data", np.random.default_rng(number).integers(0, 65535, (size, size), dtype=np.uint16)
    )
    metadata = {
        "binary_result": Part(pixel_size=Part(x=2e-11, y=4e-11), detector=detector),
        "acquisition": Part(
            acquisition_id=f"acq-{number}",
            acquisition_start_date_time="2026-11-21T09:30:00.0000000+01:00",
            acquisition_date_time="2026-11-21T09:30:02.1234567+01:00",
        ),
        "scan_settings": Part(dwell_time=dwell_s * 1.01, scan_size=None, frame_time=None),
        "metadata_as_xml": f"<M><BinaryResult><Detector>{detector}</Detector></BinaryResult></M>",
    } | changes
    height, width = data.shape
    return Part(data=data, width=width, height=height, metadata=Part(**metadata))


class Microscope:
    """The instrument behind any number of clients; `script` says what the next scans do.

    Each entry is an exception to raise, an Event to wait for, or a dictionary of changes to the image.
    """

    def __init__(self) -> None:
        self.script: deque[Any] = deque()
        self.threads: dict[int, set[int]] = {}
        self.calls: list[tuple[str, Any]] = []
        self.number = 0
        self.inserted: set[str] = {"HAADF", "BF"}
        self.connect_error: Exception | None = None
        self.busy = threading.Lock()

    def client(self) -> Client:
        return Client(self)


class Client:
    def __init__(self, microscope: Microscope) -> None:
        self._m = microscope
        self.service = Part(
            system=Part(name="Spectra 300", serial_number="D1234", version="3.2"),
            autoscript=Part(server=Part(version="1.18", is_offline=True)),
        )
        self.detectors = Part(
            scanning_detectors=["HAADF", "BF", "DF_S"],
            get_scanning_detector=lambda name: Detector(self, name),
        )
        self.acquisition = Part(acquire_stem_image=self._acquire)
        self.connected = False

    def note(self, what: str, value: Any = None) -> None:
        self._m.threads.setdefault(id(self), set()).add(threading.get_ident())
        self._m.calls.append((what, value))

    def connect(self, host: str, port: int = 7521) -> None:
        self.note("connect", (host, port))
        if self._m.connect_error is not None:
            raise self._m.connect_error
        self.connected = True

    def disconnect(self) -> None:
        self.note("disconnect")
        self.connected = False

    def _acquire(self, detector: str, size: int, dwell_time: float) -> Any:
        self.note("acquire", (detector, size, dwell_time))
        if not self.connected:
            raise NOT_RUNNING
        assert self._m.busy.acquire(blocking=False), "two calls at once"
        try:
            happening = self._m.script.popleft() if self._m.script else {}
            if isinstance(happening, BaseException):
                raise happening
            if isinstance(happening, threading.Event):
                happening.wait(30)
                happening = {}
            if happening is not None:
                self._m.number += 1
                return adorned(self._m.number, size, dwell_time, detector, **happening)
            return None
        finally:
            self._m.busy.release()


class Detector:
    def __init__(self, client: Client, name: str) -> None:
        self._client, self._name = client, name

    @property
    def insertion_state(self) -> str:
        return "Inserted" if self._name in self._client._m.inserted else "Retracted"

    def insert(self) -> None:
        self._client.note("insert", self._name)
        self._client._m.inserted.add(self._name)


TABLE = Microscope()
"""For the command line, which names a class."""


def client() -> Client:
    return TABLE.client()
