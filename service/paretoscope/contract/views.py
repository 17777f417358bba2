"""What the REST routes answer and take in JSON, beyond the documents; the client reads the same types."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from paretoscope.contract import (
    AtomClass,
    ExpectedCount,
    Fault,
    FrameHeader,
    Guard,
    Ledger,
    LogParams,
    Pause,
)

State = Literal["queued", "working", "done", "failed", "dropped"]


class View(BaseModel):
    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)


class FrameView(View):
    """One frame and how its analysis stands; the columns, points and pictures are behind `links`."""

    frame_id: str
    stream: str
    state: State
    """'queued' -> 'working' -> 'done', 'failed' (see `fault`) or 'dropped'."""
    revision: int
    """Grows with each re-detection."""
    age_s: float | None = None
    """How long ago its last pixel came, s, when this was answered; null before there is a result."""
    newer_frames: int = 0
    """How many frames of the stream have come since; as far as they are kept."""
    stale_after_s: float | None = None
    """At which age the guard calls it stale, s; null before there is a result."""
    atoms: int | None
    """How many atoms the newest map has; null before there is one."""
    qc: float | None
    er: float | None
    n_found: int | None
    n_expected: ExpectedCount | None
    params: LogParams | None
    """The chosen point's parameters."""
    chosen: int | None
    """Index of the chosen point on the front."""
    points: int
    """How many points the front has."""
    ledger: Ledger | None
    guard: Guard | None
    fault: Fault | None
    header: FrameHeader
    links: dict[str, str]


class Accepted(View):
    """The store has the image; its result comes."""

    frame_id: str
    stream: str
    state: State
    duplicate: bool
    """True when this epoch and sequence number had come before; it was not stored again."""
    images: int = 1
    """How many the file holds; with `?index=` another than the first is taken."""
    notes: list[str] = Field(default_factory=list)
    """What the file's reader chose or could not find, one sentence each."""
    links: dict[str, str]


class StreamView(View):
    stream: str
    frames: int
    """How many are kept."""
    newest_frame: str | None
    newest_result: str | None
    queued: int
    """Waiting or being worked on."""
    last_seen: str
    """UTC, when its newest frame came."""
    paused: Pause | None = None
    """Who paused it, since when and why; null while its frames are taken."""
    links: dict[str, str]


class Streams(View):
    streams: list[StreamView]
    """The one seen last comes first."""


class PauseRequest(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    by: Annotated[str, Field(min_length=1, max_length=128)] = "operator"
    """Who says so, for the record."""
    reason: Annotated[str, Field(max_length=256)] | None = None


class PauseView(View):
    stream: str
    paused: Pause | None
    """null: its frames are taken."""


class FrameRow(View):
    """One frame in a list: enough to draw it in a strip."""

    frame_id: str
    state: State
    epoch: str
    sequence: int
    received_at: str
    """UTC, when the store had it."""
    gap: int
    """How many frames are missing just before it."""
    revision: int = 0
    atoms: int | None = None
    qc: float | None = None
    er: float | None = None
    n_expected: float | None = None
    points: int | None = None
    """How many points its front has."""
    classes: dict[str, int] | None = None
    """Class id -> how many atoms."""
    mode: str | None = None
    """'tuning', 'tracking' or 'redetection'."""
    total_ms: float | None = None
    """From the last byte to the result."""
    deadline_ms: float | None = None
    acquisition_ms: float | None = None
    met: bool | None = None
    """Whether its deadline was met."""
    dose_pc_per_nm2: float | None = None
    fit_for_control: bool | None = None
    reasons: list[str] = Field(default_factory=list)
    """Why a control loop may not act on it."""
    fault: str | None = None
    """Code of what went wrong."""
    hint: str | None = None
    shape: tuple[int, int]
    pixel_size_nm: tuple[float, float] | None = None
    simulated: bool = False


class FrameIds(View):
    stream: str
    frames: list[str]
    """Newest first."""
    rows: list[FrameRow] | None = None
    """The same frames with what is known of each; with `?detail=true`."""
    before: str | None = None
    """For the next page: `?before=`; null where there is no more."""


class Tally(View):
    """What a stream's frames add up to since it began."""

    stream: str
    since: str | None
    """UTC, when its first frame came; null: none has."""
    received: int
    done: int
    failed: int
    dropped: int
    dropped_by_reason: dict[str, int]
    failed_by_code: dict[str, int]
    """Faults by their code, also of messages that were refused before they were frames."""
    late: int
    """Results that came after their deadline."""
    gaps: int
    """How many times frames were missing."""
    missing: int
    """How many frames were: taken by the instrument, as their numbers tell, and never arrived."""
    busy: int = 0
    """How many times a sender heard 'busy' because too many frames waited; it sends again."""
    held: int = 0
    """How many times a sender heard 'busy' because the stream was paused."""
    duplicates: int = 0
    """Frames that came again after they were stored; they are not stored twice."""
    fenced: int = 0
    """Writes of workers that had lost their frame to another one; they are refused."""
    waiting: int
    """Queued or being worked on."""
    dose_pc_per_nm2: float | None
    """Beam current x dwell / pixel area, summed over the frames of the field that is scanned now; null where
    no frame of it told its current."""
    dose_frames: int
    """How many frames that sum is of."""
    doseless_frames: int
    """Frames of that field that told no current, dwell or pixel size: the sum is of the others."""
    field_since: str | None
    """UTC, when the field began: same epoch, shape, pixel size and scan rotation. A stage that moves within
    an epoch is not seen."""


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


class ClassName(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=64)] | None
    """What the operator calls the class; null takes the name away."""


class ClassNames(View):
    stream: str
    names: dict[int, str]


class AuditView(View):
    entry_id: str
    at: str
    """UTC."""
    who: str
    """The key's name; 'local' where none was needed; 'os:ada' for who ran `paretoscope keys`."""
    key_id: str | None
    peer: str
    method: str
    path: str
    asked: str
    """The body, as far as it is text; cut at 2048 bytes."""
    status: int
    request_id: str | None


class Audit(View):
    entries: list[AuditView]
    """Newest first; `before` = the last one's entry_id asks for the next page."""


class CallerView(View):
    """Who asks, as the service knows them."""

    name: str
    """The key's name; 'local' where no key is needed."""
    scope: Literal["read", "choose", "admin"]
    keyed: bool
    """False where no key is needed."""
    refused: dict[str, Literal["read", "choose", "admin"]]
    """'METHOD /v1/template' of each route that changes something and that the key does not open -> the scope
    it asks for."""


class DeadLetterView(View):
    """A frame that workers died over."""

    frame_id: str
    stream: str
    at: str
    """UTC, when it was given up."""
    deliveries: int
    """How many workers died or hung over it."""
    code: str
    hint: str
    links: dict[str, str]


class DeadLetters(View):
    letters: list[DeadLetterView]
    """Newest first."""


class Health(View):
    status: Literal["ok"] = "ok"


class WorkerView(View):
    consumer: str
    device: str
    state: str
    detail: str
    at: str
    age_s: float | None = None
    """Seconds since its last sign of life."""
    pid: int | None = None
    """Of the process that works."""
    tick_age_s: float | None = None
    """Seconds since the thread that computes came a step further."""
    kernel_ms: float | None = None
    """How long a tiny kernel took on its device; it runs every two seconds, between frames."""
    kernel_age_s: float | None = None
    """Seconds since it ran."""
    kernel_error: str = ""
    """What was wrong with it; empty: nothing."""


class ReadinessCheck(View):
    name: Literal["store", "event-log", "worker", "kernel", "kernel-age", "bridge"]
    ok: bool
    value: float | None = None
    """What was measured; null: there was nothing to measure."""
    unit: str = ""
    limit: float | None = None
    """Beyond which it is not ok."""
    words: str = ""
    """What is wrong and what to do; empty when it is ok."""


class Readiness(View):
    ready: bool
    store: bool
    store_ms: float | None = None
    """How long the store took to answer."""
    bridge_seen_s: float | None = None
    """Seconds since a bridge's last sign of life; null: none was heard of lately."""
    event_log: bool
    workers: list[WorkerView]
    checks: list[ReadinessCheck] = []
    """Each thing that was looked at, with its figure."""
    reasons: list[str]
    """Why not, in words; empty when ready."""


class Version(View):
    version: str
    contract: str
    """Major and minor version of the documents."""
    api: str = "v1"


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


class StatusReason(View):
    code: str
    """'store-slow', 'no-worker', 'backlog', ...; stable."""
    words: str
    """For an operator."""


class StatusView(View):
    state: Literal["ok", "degraded", "down"]
    """'degraded': something is missing or slow, the rest works. 'down': nothing can be read or taken."""
    reasons: list[StatusReason]
    store_ms: float | None
    """How long the store took to answer."""
    event_log: bool
    workers: list[WorkerView]
    bridge_seen_s: float | None = None
    """Seconds since a bridge's last sign of life; null: none was heard of lately."""
    queued: int = 0
    """Frames that wait or are being worked on, all streams together."""
    paused: dict[str, Pause] = Field(default_factory=dict)
    """Streams that an operator holds; no fault."""
    counts: dict[str, int] = Field(default_factory=dict)
    """Everything counted since the store was made, all streams together: 'drop:too-old', ..."""
