"""What a stream remembers from one frame to the next; stored, so that a restart forgets nothing."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from paretoscope.contract.atoms import LogParams
from paretoscope.contract.base import Array, Document, FrameId
from paretoscope.contract.tracking import ClassModel, Tracking


class OperatingPoint(Document):
    """The parameters the next frame starts from."""

    params: LogParams
    weight: float | None = None
    """The operator's place between the two ends of the front, where it was given so."""
    origin: Literal["operator", "service"] = "service"
    frame_id: FrameId
    """The frame whose front it was picked on."""
    choice_id: str = ""


class StreamMemory(Document):
    operating: OperatingPoint | None = None
    front: list[LogParams] = Field(default_factory=list)
    """The last front's parameters: where the next search starts."""
    neighbour_px: float | None = None
    """The nearest-neighbour distance those parameters belong to, px."""
    class_centroids: Array | None = None
    """(classes, samples, samples) float32: how each class last looked, in standard deviations of its image
    from the image's mean; class ids are carried on by it."""
    class_ids: list[int] = Field(default_factory=list)
    """The id of each of `class_centroids`."""
    class_names: dict[int, str] = Field(default_factory=dict)
    class_model: ClassModel | None = None
    """By which atoms are classed without a new fit."""
    tracking: Tracking | None = None
    """The last tuned frame; None before there is one, or where it found nothing."""
