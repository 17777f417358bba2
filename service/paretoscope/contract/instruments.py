"""Instruments that the service can start: what is wanted of each, and how it stands.

PUT /v1/instruments/{name}  ──wish──>  store  ──>  the service starts, stops, starts anew
GET /v1/instruments         <─report─  store  <──  and says what became of it
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from paretoscope.contract.base import Document, Name
from paretoscope.contract.frame import MAX_SIDE_PX

InstrumentKind = Literal["simulator", "replay", "spectra"]
InstrumentState = Literal["running", "paused", "stopped", "failed", "unavailable"]


def _unit(unit: str) -> Any:
    return Field(json_schema_extra={"unit": unit})


SizePx = Annotated[int, Field(ge=16, le=MAX_SIDE_PX), _unit("px")]
DwellUs = Annotated[float, Field(ge=0.01, le=10_000.0), _unit("us")]
CurrentPa = Annotated[float, Field(gt=0.0, le=1e6), _unit("pA")]
Speed = Annotated[float, Field(ge=0.01, le=10_000.0)]
RowsPerBlock = Annotated[int, Field(ge=1, le=MAX_SIDE_PX), _unit("px")]
Frames = Annotated[int, Field(ge=1, le=10**9)]


class InstrumentSettings(Document):
    """What all instruments have. Misspelt settings are refused."""

    model_config = ConfigDict(extra="forbid")

    frames: Frames | None = None
    """Stop by itself after so many frames; null: when told to."""


class SimulatorSettings(InstrumentSettings):
    """A simulated microscope over a sample whose every atom is known."""

    stream: Name = "simulated"
    """Name of the stream its frames belong to."""
    sample: Annotated[str, Field(max_length=64)] = "graphene"
    """What lies under the beam."""
    size_px: SizePx = 512
    """Rows and columns of a frame."""
    dwell_us: DwellUs = 32.0
    """Time of the beam on one pixel."""
    field_of_view_nm: Annotated[float, Field(ge=0.5, le=100.0), _unit("nm")] | None = None
    """Width of the image; null: the sample's usual one."""
    current_pa: CurrentPa = 30.0
    """Beam current: more current, less noise, more dose."""
    drift_nm_per_s: Annotated[float, Field(ge=0.0, le=10.0), _unit("nm/s")] = 0.0036
    """How fast the specimen drifts."""
    damage_per_frame: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Chance that the beam removes an atom during one frame."""
    speed: Speed = 1.0
    """So many times faster than a real microscope."""
    rows_per_block: RowsPerBlock | None = None
    """Send blocks of so many rows while the scan runs; null: whole images."""
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    """The same seed gives the same sample and noise."""


class ReplaySettings(InstrumentSettings):
    """Recorded images, sent again as if they were being scanned."""

    stream: Name = "replay"
    file: Annotated[str, Field(max_length=255, pattern=r"^[^./\\\\][^/\\\\]*$")] | None = None
    """Which recording of the service's folder; null: all of them, by name."""
    loop: bool = True
    """Begin again after the last image."""
    dwell_us: DwellUs = 32.0
    """Where the file does not say."""
    pixel_size_nm: Annotated[float, Field(gt=0.0, le=1e3), _unit("nm")] | None = None
    """Where the file does not say."""
    speed: Speed = 1.0
    rows_per_block: RowsPerBlock | None = None
    """Send blocks of so many rows while the scan runs; null: whole images."""


class SpectraSettings(InstrumentSettings):
    """The microscope itself, through its vendor's client."""

    stream: Name = "spectra"
    detector: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")] = "HAADF"
    size_px: SizePx = 512
    dwell_us: DwellUs = 5.0
    insert: bool = False
    """Insert the detector where it is not in: moves hardware."""
    current_pa: CurrentPa | None = None
    """Beam current as measured on the screen; without it the dose is not known."""


SETTINGS: dict[str, type[SimulatorSettings] | type[ReplaySettings] | type[SpectraSettings]] = {
    "simulator": SimulatorSettings,
    "replay": ReplaySettings,
    "spectra": SpectraSettings,
}
"""By kind."""


class InstrumentWish(Document):
    """What somebody wants of an instrument."""

    state: Literal["running", "stopped"]
    settings: dict[str, Any]
    revision: Annotated[int, Field(ge=0)]
    """Other for each wish, whoever makes it."""
    by: str = "operator"
    at: str
    """UTC."""


class InstrumentReport(Document):
    """How an instrument stands, as the service that runs it says."""

    name: Name
    kind: InstrumentKind
    title: str
    state: InstrumentState
    reason: str = ""
    """Why it is as it is, for an operator; empty where there is nothing to say."""
    settings: dict[str, Any]
    """In force while it runs; else those it would start with."""
    settings_schema: dict[str, Any]
    """JSON schema of `settings`: units, ranges, defaults, and the samples or files there are."""
    expected: dict[str, float] = Field(default_factory=dict)
    """What these settings mean: field_of_view_nm, frame_time_s, dose_pc_per_nm2; what is known of it."""
    revision: Annotated[int, Field(ge=0)] = 0
    """Of the wish that it answers."""
    since: str
    """UTC, when the state began."""
    pid: int | None = None
    lines: list[str] = Field(default_factory=list, max_length=20)
    """The last lines of its output."""
