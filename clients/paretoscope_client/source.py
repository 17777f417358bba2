"""Scan, hand over, scan again: a microscope as a source of frames, through whatever goes wrong.

what happened                               what is done
the operator paused the stream              no scan until it is resumed: the sample gets no dose for nothing
image                                       handed to the sender, which never waits; scan again
stale, wrong or no image, refused           counted, told, a short pause, scan again
connection lost, time-out, stuck            counted, told, a growing pause, connect again
anything that a retry will not help         raised
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from paretoscope.errors import InstrumentError
from paretoscope_client.receipt import Receipt
from paretoscope_client.spectra import ScanRequest, Spectra, State

log = logging.getLogger(__name__)

PAUSE_S, MAX_PAUSE_S = 0.2, 30.0


class FrameSink(Protocol):
    """Takes frames and never waits; ``FrameSender`` is one."""

    @property
    def paused(self) -> bool: ...

    def send(self, image: Any, **meta: Any) -> Receipt: ...


@dataclass
class SpectraSource:
    spectra: Spectra
    sender: FrameSink
    request: ScanRequest = field(default_factory=ScanRequest)
    current_pa: float | None = None
    """Beam current as measured, for the dose: the vendor's images do not tell it."""
    on_frame: Callable[[Receipt, dict[str, Any]], None] | None = None
    """Told of every frame handed over, with its header fields; must not wait."""
    on_error: Callable[[InstrumentError], None] | None = None
    counts: Counter[str] = field(default_factory=Counter)
    """'frames' and errors by code."""

    def run(self, stop: threading.Event, frames: int | None = None) -> int:
        """Scan until `stop` is set or `frames` were handed over; returns how many were.

        Raises InstrumentError for what will not get better by itself: no such detector, no vendor's client.
        """
        setbacks, done = 0, 0
        while not stop.is_set() and (frames is None or done < frames):
            if self.sender.paused:
                stop.wait(PAUSE_S)
                continue
            try:
                if self.spectra.state is not State.READY:
                    self.spectra.connect()
                scanned, fields = self.spectra.scan(self.request)
            except InstrumentError as error:
                self._tell(error)
                setbacks += 1
                stop.wait(min(PAUSE_S * 2 ** min(setbacks - 1, 10), MAX_PAUSE_S))
                continue
            setbacks = 0
            if self.current_pa is not None:
                fields["beam_current_pa"] = self.current_pa
            receipt = self.sender.send(scanned.image, **fields)
            done += 1
            self.counts["frames"] += 1
            if self.on_frame is not None:
                self.on_frame(receipt, fields)
        return done

    def _tell(self, error: InstrumentError) -> None:
        # A stuck or lost instrument can be connected to again; what is left cannot be helped from here.
        if not error.retry and error.code != "instrument-stuck":
            raise error
        self.counts[error.code] += 1
        log.warning("%s", error)
        if self.on_error is not None:
            self.on_error(error)
