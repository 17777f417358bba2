"""A stream's state from frame to frame, and what is kept of a tuned frame so that the next can track it.

         FRAME               TUNED               FRAME
idle ------------> tuning ------------> tracking ------> tracking      one detection a frame
  ^                  |  ^                  |
  |  NOTHING         |  |      FRAME       v DRIFT
  +------------------+  +-------------- drifted                        reasons stand in the ledger
"""

from __future__ import annotations

import zlib
from enum import Enum

import numpy as np

from paretoscope.contract import (
    AtomMap,
    Drift,
    ExpectedArea,
    FrameHeader,
    LogParams,
    ParameterMap,
    ParetoFront,
    Signature,
    StreamMemory,
    StreamPolicy,
    Tracking,
)
from paretoscope.core import drift
from paretoscope.core.blobs import Blobs
from paretoscope.core.expectation import Expectation
from paretoscope.workflows.prepared import Prepared


class State(Enum):
    IDLE = "idle"
    TUNING = "tuning"
    TRACKING = "tracking"
    DRIFTED = "drifted"


class Happened(Enum):
    FRAME = "a frame came"
    TUNED = "a front was found and a point on it chosen"
    NOTHING = "nothing was found"
    DRIFT = "the frame does not look like the tuned one"


NEXT = {
    (State.IDLE, Happened.FRAME): State.TUNING,
    (State.TUNING, Happened.TUNED): State.TRACKING,
    (State.TUNING, Happened.NOTHING): State.IDLE,
    (State.TRACKING, Happened.FRAME): State.TRACKING,
    (State.TRACKING, Happened.DRIFT): State.DRIFTED,
    (State.DRIFTED, Happened.FRAME): State.TUNING,
}
"""What is not in the table cannot happen. `drifted` lasts no longer than it takes to begin tuning the same
frame; its tracked atom map is out by then."""

DETECTION = (
    "lattice", "expected", "density_per_nm2", "count", "optimiser", "rewards", "weight", "windows", "segment",
    "seed",
)  # fmt: skip
"""What the policy says about what is found; the rest (deadlines, what the guard allows) may change freely."""


def state_of(memory: StreamMemory, policy: StreamPolicy) -> State:
    """Where a stream stands when a frame comes."""
    trackable = policy.tracking == "auto" and policy.windows.use == "frame"
    if memory.tracking is None or memory.operating is None or not trackable:
        return State.IDLE
    return State.TRACKING


def reasons_before(
    tuned: Tracking,
    header: FrameHeader,
    policy: StreamPolicy,
    memory: StreamMemory,
    pixels: drift.Pixels,
) -> list[Drift]:
    """Why this frame cannot be tracked, as far as it is known before a detection."""
    reasons = drift.before_detection(tuned, header, pixels)
    if tuned.policy != checksum(policy):
        reasons.append("policy")
    if memory.operating is None or memory.operating.choice_id != tuned.choice_id:
        reasons.append("choice")
    if "restart" not in reasons and header.sequence - tuned.sequence > policy.tracking_frames:
        reasons.append("age")
    return reasons


def checksum(policy: StreamPolicy) -> str:
    return f"{zlib.crc32(policy.model_dump_json(include=set(DETECTION)).encode()):08x}"


def signature_of(prepared: Prepared, atoms: AtomMap, blobs: Blobs, pixels: drift.Pixels) -> Signature:
    columns, expectation = atoms.columns, prepared.expectation
    y, x = columns["y_px"], columns["x_px"]
    return drift.signature(
        pixels,
        y,
        x,
        blobs.response,
        blobs.sigma_px,  # as detected: refined widths depend on how they were refined
        np.asarray(expectation.counts(y, x), dtype=bool),
        atoms.shape,
        expectation.neighbour_px,
        expectation.minimum_distance_px,
    )


def remembered(
    header: FrameHeader,
    policy: StreamPolicy,
    memory: StreamMemory,
    prepared: Prepared,
    front: ParetoFront,
    windows: ParameterMap,
    now: Signature,
    reasons: list[Drift],
) -> Tracking:
    """What the next frames are held against.

    A stream that is tuned again only because its time had come goes on counting its atoms from where it was:
    what a sample loses slowly must not be forgotten every so often.
    """
    before = memory.tracking
    if before is not None and reasons == ["age"] and before.signature.found > now.found:
        now = now.model_copy(update={"found": before.signature.found})
    return Tracking(
        tuned_frame_id=header.frame_id,
        epoch=header.epoch,
        sequence=header.sequence,
        detector=header.detector,
        pixel_size_nm=header.pixel_size_nm,
        dose_pc_per_nm2=header.dose_pc_per_nm2,
        policy=checksum(policy),
        choice_id="" if memory.operating is None else memory.operating.choice_id,
        expected=area_of(prepared.expectation),
        signature=now,
        front=front,
        windows=windows,
    )


def area_of(expectation: Expectation) -> ExpectedArea:
    return ExpectedArea(
        shape=expectation.shape,
        mask=expectation.mask,
        mask_step_px=expectation.mask_step_px,
        density_per_px=float(expectation.density_per_px),
        neighbour_px=float(expectation.neighbour_px),
        source=expectation.source,
        label=expectation.label,
        note=expectation.note,
        counted_kinds=list(expectation.counted_kinds),
        blob_sigma_px=expectation.blob_sigma_px,
        reciprocal_cpp=expectation.reciprocal_cpp,
    )


def expectation_of(area: ExpectedArea) -> Expectation:
    return Expectation.over_frame(
        area.shape,
        area.mask,
        area.mask_step_px,
        area.density_per_px,
        area.neighbour_px,
        area.source,
        area.label,
        area.note,
        tuple(area.counted_kinds),
        area.blob_sigma_px,
        area.reciprocal_cpp,
    )


def chosen_on(tuned: Tracking) -> LogParams:
    return tuned.front.points[tuned.front.chosen or 0].params


def carried(tuned: Tracking, pixels: drift.Pixels) -> LogParams:
    """The chosen parameters with the threshold of the tuned frame in counts.

    The image that is searched runs from its darkest to its brightest pixel; one bright dopant that comes into
    view would otherwise raise the bar for all other atoms.
    """
    chosen = chosen_on(tuned)
    threshold = chosen.threshold * tuned.signature.span / pixels.span
    return chosen.model_copy(update={"threshold": threshold})
