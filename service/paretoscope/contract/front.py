"""The Pareto front of one frame, and the operator's pick on it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat, model_validator

from paretoscope.contract.atoms import LogParams
from paretoscope.contract.base import Document, FrameId, Name


class RewardValue(Document):
    """A reward, explained. All rewards are minimised."""

    value: float | None
    """None where it cannot be had; `reason` says why."""
    numerator: float | None = None
    denominator: float | None = None
    reason: str | None = None


class FrontPoint(Document):
    params: LogParams
    qc: NonNegativeFloat
    """|N_found - N_expected| / N_expected."""
    er: NonNegativeFloat
    """Atoms nearer to a neighbour than the lattice allows / N_expected."""
    n_found: Annotated[int, Field(ge=0)]
    n_close: Annotated[int, Field(ge=0)]
    rewards: dict[str, RewardValue] = Field(default_factory=dict)
    """Every registered reward by name, QC and ER among them."""
    tie_break: float = 0.0
    """Among points with equal rewards the larger one wins: response contrast times stability."""
    dominated: bool = False
    """True where another point of this front is no worse in any reward asked for and better in one.

    Such a point is published for one of two reasons. Either it differs from the better one by less than the
    count can tell (0.01, or one atom, or the atoms on the border) and has the larger `tie_break`: it is as
    good within the resolution, stands for that place on the front and may be `chosen`. Or the operator keeps
    it as the operating point."""


class ExpectedCount(Document):
    """How many atoms there should be, and who says so."""

    value: PositiveFloat
    source: Literal["lattice-occupied-area", "lattice-whole-image", "density", "count"]
    """Lattice density times the coherent area; times the whole image (the paper's plain formula);
    a density or a count given by the user."""
    lattice: str | None = None
    """'SrTiO3 (given by name)', 'a=12.1 px, b=12.1 px, gamma=90.0 deg, 2 atoms (estimated)', ..."""
    area_px: PositiveFloat | None = None
    density_per_px: PositiveFloat | None = None
    neighbour_px: PositiveFloat | None = None
    """Expected distance between nearest neighbours, px."""
    minimum_distance_px: PositiveFloat | None = None
    """Atoms closer than this count in ER, px."""
    reciprocal_cpp: tuple[tuple[float, float], tuple[float, float]] | None = None
    """Reciprocal vectors of the lattice as seen in the image, (y, x), cycles per px; None where none is."""
    note: str | None = None
    """Anything the reader must know: a fallback, an estimate with low coherence, ..."""


class ParetoFront(Document):
    frame_id: FrameId
    revision: Annotated[int, Field(ge=0)] = 0
    points: list[FrontPoint]
    """Ordered by QC; never empty on a frame where anything was found."""
    chosen: int | None
    """Index into `points`; None only when there are none."""
    reference_point: tuple[float, float] = (1.0, 1.0)
    """(QC, ER) beyond which a point does not count; the hypervolume is measured from here."""
    hypervolume: NonNegativeFloat = 0.0
    n_expected: ExpectedCount | None = None
    evaluations: Annotated[int, Field(ge=0)] = 0
    optimiser: str = "qnehvi"
    stop_reason: Literal["converged", "deadline", "budget", "kept", "nothing-found"] = "deadline"
    seed: int = 0
    tuned_frame_id: FrameId | None = None
    """On a tracked frame, the frame that was tuned: QC and ER of all points but the chosen one are that's."""
    note: str | None = None
    """Why there is no point, where there is none."""

    @model_validator(mode="after")
    def _chosen_exists(self) -> ParetoFront:
        if self.chosen is not None and not 0 <= self.chosen < len(self.points):
            raise ValueError(f"chosen point {self.chosen} of {len(self.points)}")
        return self


class Choice(Document):
    """The operator's or the loop's pick: exactly one of point, weight or params."""

    frame_id: FrameId
    stream: Name
    point: Annotated[int, Field(ge=0)] | None = None
    """Index on the frame's front."""
    weight: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """0 = least QC (fewer missed atoms), 1 = least ER (fewer false atoms)."""
    params: LogParams | None = None
    scope: Literal["stream", "frame"] = "stream"
    """'stream': also the operating point of the next frames. 'frame': this frame only."""
    by: Annotated[str, Field(max_length=128)] = "anonymous"
    choice_id: Annotated[str, Field(max_length=64)] = ""
    """Made by the service; the answer carries it."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Choice:
        given = [name for name in ("point", "weight", "params") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"give exactly one of point, weight or params; got {given or 'none'}")
        return self
