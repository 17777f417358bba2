"""What an operator picks and names."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from paretoscope.contract import LogParams
from paretoscope.contract.views.base import View
from paretoscope.contract.views.frames import FrameView


class ChoiceRequest(BaseModel):
    """Exactly one of point, weight or params."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    point: Annotated[int, Field(ge=0)] | None = None
    """Index on the frame's front."""
    weight: Annotated[float, Field(ge=0.0, le=1.0)] | None = None
    """0 = least QC (fewer missed atoms), 1 = least ER (fewer false atoms)."""
    params: LogParams | None = None
    """Any parameters, on the front or not."""
    scope: Literal["stream", "frame"] = "stream"
    """'stream': also the operating point of the next frames. 'frame': this frame only."""
    by: Annotated[str, Field(max_length=128)] = "anonymous"
    """Who chose, for the record."""


class ChoiceView(View):
    choice_id: str
    state: Literal["queued", "done"]
    """'queued' where the answer did not come in time: ask the `self` link."""
    revision: int | None
    frame: FrameView | None
    """The frame with its re-detected result, once it is done."""
    links: dict[str, str]


class ClassName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=64)] | None
    """What the operator calls the class; null takes the name away."""


class ClassNames(View):
    stream: str
    names: dict[int, str]
