"""Every message once: documents, their arrays, and how they become bytes."""

from paretoscope.contract.atoms import ATOM_COLUMNS, AtomMap, LogParams
from paretoscope.contract.audit import AuditEntry
from paretoscope.contract.base import SCHEMA_MAJOR, SCHEMA_MINOR, Document
from paretoscope.contract.classes import AtomClass, Classes
from paretoscope.contract.events import DeadLetter, Event, Fault, Progress
from paretoscope.contract.frame import Ack, BusyNotice, FrameHeader, Heartbeat, StreamEnd
from paretoscope.contract.front import Choice, ExpectedCount, FrontPoint, ParetoFront, RewardValue
from paretoscope.contract.ledger import Guard, Ledger, StageTime
from paretoscope.contract.memory import OperatingPoint, StreamMemory
from paretoscope.contract.pause import Pause
from paretoscope.contract.policy import Basis, LatticeSpec, SegmentPolicy, StreamPolicy, WindowPolicy
from paretoscope.contract.rows import RowBlock, RowsBegin, RowsEnd, RowsHeld
from paretoscope.contract.targets import BeamTargets, TargetRule, beam_targets
from paretoscope.contract.tracking import ClassModel, Course, Drift, ExpectedArea, Signature, Tracking
from paretoscope.contract.windows import ParameterMap, WindowResult

__all__ = [
    "ATOM_COLUMNS",
    "SCHEMA_MAJOR",
    "SCHEMA_MINOR",
    "Ack",
    "AtomClass",
    "AtomMap",
    "AuditEntry",
    "Basis",
    "BeamTargets",
    "BusyNotice",
    "Choice",
    "ClassModel",
    "Classes",
    "Course",
    "DeadLetter",
    "Document",
    "Drift",
    "Event",
    "ExpectedArea",
    "ExpectedCount",
    "Fault",
    "FrameHeader",
    "FrontPoint",
    "Guard",
    "Heartbeat",
    "LatticeSpec",
    "Ledger",
    "LogParams",
    "OperatingPoint",
    "ParameterMap",
    "ParetoFront",
    "Pause",
    "Progress",
    "RewardValue",
    "RowBlock",
    "RowsBegin",
    "RowsEnd",
    "RowsHeld",
    "SegmentPolicy",
    "Signature",
    "StageTime",
    "StreamEnd",
    "StreamMemory",
    "StreamPolicy",
    "TargetRule",
    "Tracking",
    "WindowPolicy",
    "WindowResult",
    "beam_targets",
]
