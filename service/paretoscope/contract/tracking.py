"""What a stream keeps of the frame it was last tuned on, so that the next ones need one detection each."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt

from paretoscope.contract.base import Array, Document, FrameId
from paretoscope.contract.front import ParetoFront
from paretoscope.contract.windows import ParameterMap

Drift = Literal[
    "restart", "shape", "sampling", "detector", "policy", "choice", "age", "dose", "contrast", "structure"
]
"""Why a stream was tuned anew; `docs/explanation/tracking.md` says what each of them looks at."""


class ClassModel(Document):
    """Principal components of patches and a Gaussian mixture over them, to class atoms without a new fit."""

    patch_px: PositiveInt
    mean: Array
    """(samples x samples,) float64."""
    components: Array
    """(components, samples x samples) float64, each divided by the first one's standard deviation."""
    means: Array
    """(classes, components) float64."""
    covariances: Array
    """(classes, components, components) float64."""
    weights: Array
    """(classes,) float64."""
    explained_variance: Array
    level: float
    """Mean of the image it was fitted on; another image's patches are brought to this mean and `spread`."""
    spread: PositiveFloat
    """Standard deviation of that image."""
    class_ids: list[int]
    """The id of each class of the mixture."""
    chosen_by: str = "given"


class ExpectedArea(Document):
    """How many atoms there should be and where, as found on the tuned frame."""

    shape: tuple[PositiveInt, PositiveInt]
    mask: Array
    """(rows, columns) uint8 at `mask_step_px`: 0 vacuum, 1 lattice, 2 disordered."""
    mask_step_px: PositiveInt
    density_per_px: NonNegativeFloat
    neighbour_px: PositiveFloat
    source: str
    label: str | None = None
    note: str | None = None
    counted_kinds: list[int]
    blob_sigma_px: PositiveFloat | None = None
    reciprocal_cpp: tuple[tuple[float, float], tuple[float, float]] | None = None


class Signature(Document):
    """A frame and its atoms in a few numbers that moving the stage does not change."""

    level: float
    """Mean pixel, detector counts."""
    noise: NonNegativeFloat
    """What differs from pixel to pixel beyond a smooth image, detector counts."""
    found: Annotated[int, Field(ge=0)]
    """Atoms in counted areas."""
    span: PositiveFloat
    """Counts from 0 to 1 of the image that is searched: thresholds are carried on in counts."""
    response: NonNegativeFloat
    """Mean LoG response, detector counts."""
    width_px: NonNegativeFloat
    """Mean width of an atom."""
    neighbour_px: NonNegativeFloat
    """Median distance to the nearest other atom; 0 with less than two atoms."""
    close: NonNegativeFloat
    """Share of atoms that are too near to another."""
    covered: NonNegativeFloat
    """Share of the frame that has atoms, in squares of two neighbour distances."""
    bonds: list[float]
    """Mean of exp(4 i angle) and exp(6 i angle) over the directions to the nearest atom: real, imaginary."""


class Tracking(Document):
    """The tuned frame that the frames after it are held against."""

    tuned_frame_id: FrameId
    epoch: str
    sequence: Annotated[int, Field(ge=0)]
    detector: str | None = None
    pixel_size_nm: tuple[PositiveFloat, PositiveFloat] | None = None
    dose_pc_per_nm2: NonNegativeFloat | None = None
    policy: str
    """Checksum of what the policy says about detection."""
    choice_id: str = ""
    """The operator's pick that was in force."""
    expected: ExpectedArea
    signature: Signature
    front: ParetoFront
    windows: ParameterMap | None = None


class Course(Document):
    """How a frame was worked; the ledger and the guard tell it."""

    tuned_frame_id: FrameId | None = None
    """The frame whose tuning was used; None where this one was tuned."""
    drift: list[str] = Field(default_factory=list)
    """See `Ledger.drift`."""
