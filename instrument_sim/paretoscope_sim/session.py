"""A session at the simulated instrument: the Spectra driver takes images and sends them over the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paretoscope.errors import InstrumentError
from paretoscope_client.sender import DEFAULT_URL, FrameSender
from paretoscope_client.source import SpectraSource
from paretoscope_client.spectra import ScanRequest, Spectra
from paretoscope_sim.output import write_truth
from paretoscope_sim.replay import ReplayOver
from paretoscope_sim.rows import RowSender
from paretoscope_sim.sources import View
from paretoscope_sim.vendor import SimulatedInstrument, TemMicroscopeClient

FLUSH_S = 60.0
"""How long the last frames may take to be acknowledged, s."""


@dataclass(frozen=True)
class Session:
    """What to take and where to send it."""

    to: str = DEFAULT_URL
    stream: str = "simulated"
    frames: int | None = None
    """None: until stopped, or until the recording is over."""
    size_px: int = 512
    dwell_us: float = 32.0
    detector: str = "HAADF"
    rows: int | None = None
    """Send blocks of so many rows while the scan runs; None: whole images, as the vendor's client does."""
    current_pa: float | None = None
    """Beam current, told with each frame; None: not known."""
    keys: tuple[Path, Path] | None = None
    """(our secret key file, the bridge's key file) for a bridge that takes known keys only."""
    truth_folder: Path | None = None
    """Where to write the truth of each frame, as <frame id>.csv."""


@dataclass(frozen=True)
class Outcome:
    """What became of the frames."""

    taken: int
    counters: dict[str, int]
    """The sender's, by what happened to the frames."""

    @property
    def lost(self) -> int:
        """Frames that were taken and not acknowledged."""
        parted = ("dropped:", "refused:")
        return self.counters.get("waiting", 0) + sum(
            count for name, count in self.counters.items() if name.startswith(parted)
        )


def run(
    instrument: SimulatedInstrument,
    session: Session,
    stop: threading.Event,
    on_start: Callable[[], None] = lambda: None,
    on_frame: Callable[[str, dict[str, Any]], None] = lambda frame_id, fields: None,
    on_error: Callable[[InstrumentError], None] | None = None,
) -> Outcome:
    """Take frames through the fake client and the Spectra driver, and send them, until done or stopped.

    on_start: told when everything is ready for the first frame.  on_frame: told each frame id and header
    fields.  Raises what the driver cannot help.
    """
    under_beam = instrument.source
    view = View((session.size_px, session.size_px), instrument.field_of_view_m * 1e9, session.dwell_us)
    rows, columns = under_beam.shape(view, 0)
    # A recording has the size it has; the driver's patience goes by its longer side.
    recorded = (rows, columns) != view.shape
    request = ScanRequest(
        session.detector, max(rows, columns), session.dwell_us, insert=True, any_shape=recorded
    )
    taken = 0

    def tell(receipt: Any, fields: dict[str, Any]) -> None:
        nonlocal taken
        taken += 1
        exposure = instrument.last_exposure
        if session.truth_folder is not None and exposure is not None and exposure.truth is not None:
            write_truth(session.truth_folder / f"{receipt.frame_id}.csv", exposure.truth)
        on_frame(receipt.frame_id, fields)

    spectra = Spectra("simulated", factory=lambda: TemMicroscopeClient(instrument))
    sender = FrameSender(session.to, session.stream, when_full="wait", wait_s=FLUSH_S, keys=session.keys)
    to_bridge: FrameSender | RowSender = sender
    if session.rows is not None:
        to_bridge = instrument.watch = RowSender(sender, session.rows)
    on_start()
    try:
        source = SpectraSource(
            spectra, to_bridge, request, on_frame=tell, on_error=on_error, current_pa=session.current_pa
        )
        source.run(stop, session.frames)
        sender.end()
    except ReplayOver:
        sender.end()
    finally:
        spectra.disconnect()
        if not stop.is_set():
            sender.flush(FLUSH_S)
        counters = sender.counters
        sender.close(drain_s=1.0)
    return Outcome(taken, counters)
