"""Atoms and classes as JSON, and where a beam may go."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from paretoscope.contract import AtomClass, Guard, LogParams
from paretoscope.contract.views.base import View


class AtomsView(View):
    """An atom map in columns; null where there is no number."""

    frame_id: str
    revision: int
    count: int
    shape: tuple[int, int]
    """(rows, columns) of the frame, px."""
    pixel_size_nm: tuple[float, float] | None
    """(y, x)."""
    params: LogParams | None
    refinement: str
    columns: dict[str, list[float | int | None]]


class ClassesView(View):
    """Arrays are nested lists of numbers; null where there is none (atoms too near the border). With
    `?arrays=false` they are left out."""

    frame_id: str
    revision: int
    classes: list[AtomClass]
    labels: list[int] = Field(default_factory=list)
    """Per atom, in the order of the atom map; -1 = not classed."""
    probability: list[float | None] = Field(default_factory=list)
    centroids: list[list[list[float | None]]] = Field(default_factory=list)
    """(classes, side, side): the mean patch."""
    dispersions: list[list[list[float | None]]] = Field(default_factory=list)
    """(classes, side, side): the standard deviation round it."""
    components: list[list[float | None]] = Field(default_factory=list)
    """(atoms, 2): the first two principal components."""
    explained_variance: list[float | None] = Field(default_factory=list)
    patch_px: int
    chosen_by: str
    links: dict[str, str]


class TargetView(View):
    beam: tuple[float, float]
    """(x, y), fractions of the scan from its top-left corner: what ``paused_scan_beam_position`` takes."""
    atom_id: int | None
    y_px: float
    x_px: float
    class_id: int | None
    confidence: float | None


class Targets(View):
    frame_id: str
    revision: int
    shape: tuple[int, int]
    """(rows, columns) of the scan, px."""
    targets: list[TargetView]
    """In the order of the visit."""
    left_out: dict[str, int]
    """Atoms not taken, by the first reason: class, confidence, edge, apart, at-most."""
    path: float
    """Length of the way from target to target."""
    path_unit: Literal["nm", "px"]
    guard: Guard | None
    """Whether a control loop may act on this frame."""
