"""How the best parameters vary over the frame."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from paretoscope.contract.atoms import LogParams
from paretoscope.contract.base import Document, FrameId


class WindowResult(Document):
    y_px: Annotated[int, Field(ge=0)]
    """Top row of the window."""
    x_px: Annotated[int, Field(ge=0)]
    """Left column of the window."""
    params: LogParams | None
    """The window's chosen parameters; None where it has nothing to count (see `reason`)."""
    qc: float | None = None
    er: float | None = None
    n_found: Annotated[int, Field(ge=0)] = 0
    n_expected: float | None = None
    reason: str | None = None


class ParameterMap(Document):
    """One result per sliding window."""

    frame_id: FrameId
    revision: Annotated[int, Field(ge=0)] = 0
    window_px: PositiveInt
    step_px: PositiveInt
    grid: tuple[PositiveInt, PositiveInt]
    """(rows, columns) of windows; `windows` runs row by row."""
    windows: list[WindowResult]
    tuned_frame_id: FrameId | None = None
    """On a tracked frame, the frame whose windows these are."""
