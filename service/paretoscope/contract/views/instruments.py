"""Instruments, and the files that may be read and written."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from paretoscope.contract.views.base import View


class InstrumentView(View):
    """An instrument that the service can run, as it stands."""

    name: str
    kind: Literal["simulator", "replay", "spectra"]
    title: str
    state: Literal["running", "paused", "stopped", "failed", "unavailable"]
    reason: str
    """Why, in words for an operator; empty where there is nothing to say."""
    stream: str
    """Whose frames it sends."""
    settings: dict[str, Any]
    """In force while it runs; else those it would start with."""
    settings_schema: dict[str, Any]
    """JSON schema of `settings`: `unit`, ranges, defaults; `enum` and `choices` where there is a list."""
    expected: dict[str, float]
    """field_of_view_nm, frame_time_s and dose_pc_per_nm2 of these settings, where they can be told."""
    wanted: Literal["running", "stopped"]
    """What was asked for last."""
    settled: bool
    """False while what was asked for last is still being brought about."""
    since: str
    """UTC, when the state began."""
    lines: list[str]
    """The last lines of its output."""
    links: dict[str, str]


class InstrumentsView(View):
    instruments: list[InstrumentView]
    run_here: bool
    """False where no service that runs instruments was heard of lately: nothing can be started."""


class InstrumentRequest(BaseModel):
    """What is to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    state: Literal["running", "paused", "stopped"] | None = None
    """'paused' holds a running one's stream; 'running' starts it, and resumes its stream."""
    settings: Annotated[dict[str, Any], Field(max_length=32)] = Field(default_factory=dict)
    """By name, as `settings_schema` has them."""
    by: Annotated[str, Field(min_length=1, max_length=128)] = "operator"
    """Who says so, for the record."""


class ReadFormat(View):
    ending: str
    """'.dm4', ..."""
    what: str
    installed: bool
    """False: its reader is not installed here."""


class ExportFormat(View):
    format: str
    """For ``?format=``."""
    media_type: str
    ending: str
    """What the file's name ends with, behind the frame's id."""
    what: str


class Formats(View):
    readable: list[ReadFormat]
    exports: list[ExportFormat]
