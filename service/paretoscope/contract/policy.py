"""How a stream's frames are to be analysed: set by PUT /v1/streams/{stream}/policy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt

from paretoscope.contract.base import Document

MAX_SEED = 2**32 - 1
OptimiserName = Literal["qlognehvi", "qnehvi", "nsga2", "sobol"]


class Basis(Document):
    """One atom of the cell, in fractions of a and b."""

    x: Annotated[float, Field(ge=0.0, lt=1.0)]
    y: Annotated[float, Field(ge=0.0, lt=1.0)]
    species: str = "X"


class LatticeSpec(Document):
    """A projected unit cell as the user gives it."""

    a_nm: PositiveFloat
    b_nm: PositiveFloat
    gamma_deg: Annotated[float, Field(gt=0.0, lt=180.0)]
    basis: list[Basis] = Field(default_factory=lambda: [Basis(x=0.0, y=0.0)], min_length=1, max_length=64)
    name: str | None = None


class WindowPolicy(Document):
    size_px: Annotated[int, Field(ge=32, le=4096)] = 128
    step: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5
    """Share of the window's side between two windows; the paper uses 256 px and 0.2."""
    use: Literal["frame", "blend"] = "frame"
    """'frame': one operating point for the frame. 'blend': per-window parameters blended over it."""


class SegmentPolicy(Document):
    enabled: bool = True
    classes: Annotated[int, Field(ge=1, le=12)] | Literal["bic"] = 3
    """The paper uses 3; 'bic' picks 1..6 by the Bayesian information criterion."""
    patch_neighbours: PositiveFloat = 1.5
    """Side of a patch in units of the nearest-neighbour distance."""


class StreamPolicy(Document):
    lattice: str | LatticeSpec | None = None
    """None: estimated from the image's own spectrum. A name, or a cell."""
    expected: Literal["occupied", "plain"] = "occupied"
    """'occupied': count the lattice-coherent area only. 'plain': the paper's formula, whole image."""
    density_per_nm2: PositiveFloat | None = None
    """For disordered samples: atoms per nm^2 (per px^2 where the pixel size is unknown)."""
    count: PositiveInt | None = None
    """For disordered samples: atoms in the frame."""
    deadline_s: Annotated[float, Field(gt=0.0, le=600.0)] = 3.0
    """From the last pixel to the published result, s."""
    optimiser: OptimiserName = "qnehvi"
    rewards: list[str] = Field(default_factory=lambda: ["qc", "er"], min_length=2, max_length=4)
    weight: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    """Which end of the front the service picks on its own: 0 = least QC, 1 = least ER."""
    windows: WindowPolicy = Field(default_factory=WindowPolicy)
    segment: SegmentPolicy = Field(default_factory=SegmentPolicy)
    refinement: Literal["auto", "none", "parabola", "gaussian"] = "auto"
    drop: Literal["wait", "drop", "newest"] = "wait"
    """'wait': every frame in order. 'drop': a frame that came while its stream was being worked on is
    dropped. 'newest': of the frames that wait all but the newest `keep_newest` are. A frame that was begun is
    finished. Every drop is counted by its reason."""
    keep_newest: Annotated[int, Field(ge=1, le=10_000)] = 1
    """How many waiting frames 'newest' keeps."""
    max_age_s: PositiveFloat | None = None
    """A frame that has waited longer, s, is dropped when its turn comes, whatever `drop` says."""
    tracking: Literal["auto", "off"] = "auto"
    """'auto': after a tuned frame the next ones cost one detection each, until they drift away from it.
    'off': every frame is tuned. Blended windows (`windows.use`) are tuned on every frame."""
    tracking_frames: Annotated[int, Field(ge=1, le=1_000_000)] = 250
    """Frames after which a stream is tuned again although nothing changed."""
    expected_detector: str | None = None
    """The guard refuses frames of another detector."""
    max_er_for_control: Annotated[float, Field(gt=0.0)] = 0.1
    max_age_for_control_s: PositiveFloat | None = None
    """The guard calls a result stale when its last pixel came longer ago, s; None: 30 s, or three frame times
    where frames take longer."""
    max_newer_for_control: Annotated[int, Field(ge=0)] = 3
    """The guard calls a result stale when more frames than this have come since."""
    seed: Annotated[int, Field(ge=0, le=MAX_SEED)] = 0
