"""What the REST routes answer and take in JSON, beyond the documents; the client reads the same types."""

from __future__ import annotations

from paretoscope.contract.views.atoms import AtomsView, ClassesView, Targets, TargetView
from paretoscope.contract.views.base import View
from paretoscope.contract.views.choices import ChoiceRequest, ChoiceView, ClassName, ClassNames
from paretoscope.contract.views.frames import Accepted, FrameIds, FrameRow, FrameView, State
from paretoscope.contract.views.health import (
    Health,
    Readiness,
    ReadinessCheck,
    StatusReason,
    StatusView,
    Version,
    WorkerView,
)
from paretoscope.contract.views.instruments import (
    ExportFormat,
    Formats,
    InstrumentRequest,
    InstrumentsView,
    InstrumentView,
    ReadFormat,
)
from paretoscope.contract.views.records import Audit, AuditView, CallerView, DeadLetters, DeadLetterView
from paretoscope.contract.views.streams import PauseRequest, PauseView, Streams, StreamView, Tally

__all__ = [
    "Accepted",
    "AtomsView",
    "Audit",
    "AuditView",
    "CallerView",
    "ChoiceRequest",
    "ChoiceView",
    "ClassName",
    "ClassNames",
    "ClassesView",
    "DeadLetterView",
    "DeadLetters",
    "ExportFormat",
    "Formats",
    "FrameIds",
    "FrameRow",
    "FrameView",
    "Health",
    "InstrumentRequest",
    "InstrumentView",
    "InstrumentsView",
    "PauseRequest",
    "PauseView",
    "ReadFormat",
    "Readiness",
    "ReadinessCheck",
    "State",
    "StatusReason",
    "StatusView",
    "StreamView",
    "Streams",
    "Tally",
    "TargetView",
    "Targets",
    "Version",
    "View",
    "WorkerView",
]
