"""Rows from the simulated instrument to the bridge while the scan still runs.

The vendor's client gives whole images, so rows go beside it: the instrument shows them as they are done, and
the driver's image, when it comes, ends the frame that was begun with them, if it is that image.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from paretoscope_client.receipt import Receipt
from paretoscope_client.scan import Scan
from paretoscope_client.sender import FrameSender
from paretoscope_sim.sources import Exposure

KNOWN_EARLY = ("pixel_size_nm", "dwell_us", "detector")
"""Fields that are given with the first rows; what the driver does not know in the end is taken back."""


class RowSender:
    """Stands before a sender: rows in from the instrument (a ``RowWatch``), whole images from the driver."""

    def __init__(self, sender: FrameSender, block: int) -> None:
        self.block = block
        self._sender = sender
        self._scan: Scan | None = None

    @property
    def paused(self) -> bool:
        return self._sender.paused

    def begun(self, exposure: Exposure, detector: str) -> None:
        known = dict(zip(KNOWN_EARLY, (exposure.pixel_size_nm, exposure.dwell_us, detector), strict=True))
        self._scan = self._sender.begin(exposure.image.shape, exposure.image.dtype, **known)

    def rows(self, rows: NDArray) -> None:
        if self._scan is not None and self._scan.is_open:
            self._scan.rows(rows)

    def send(self, image: Any, **fields: Any) -> Receipt:
        """End the scan with what the image says of itself; an image whose rows did not come goes whole."""
        scan, self._scan = self._scan, None
        if scan is not None and scan.is_open:
            if scan.holds(image):
                return scan.end(**dict.fromkeys(KNOWN_EARLY) | fields)
            scan.cancel()
        return self._sender.send(image, **fields)
