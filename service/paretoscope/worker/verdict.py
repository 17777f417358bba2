"""The ledger of a frame's times, and whether a control loop may act on its result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from paretoscope.adapters.store import utc_text
from paretoscope.contract import (
    AtomMap,
    Course,
    FrameHeader,
    Guard,
    Ledger,
    ParetoFront,
    StageTime,
    StreamPolicy,
)

SCENE = ("restart", "shape", "sampling", "detector", "dose", "contrast", "structure")
"""Drift of what is looked at: what a loop knew from earlier frames does not hold on such a frame. That the
service tuned because of a policy, a pick or the age of the last tuning is no reason not to act."""
FALLING = "atoms-falling"


def merged(stages: Iterable[StageTime]) -> list[StageTime]:
    """Stages of one name added up, in the order in which they first came."""
    sums: dict[str, float] = {}
    for stage in stages:
        sums[stage.name] = sums.get(stage.name, 0.0) + stage.ms
    return [StageTime(name=name, ms=ms) for name, ms in sums.items()]


def ledger(
    header: FrameHeader,
    policy: StreamPolicy,
    stages: Iterable[StageTime],
    *,
    received_at: datetime,
    published_at: datetime,
    front: ParetoFront | None,
    course: Course,
    device: str,
    version: str,
) -> Ledger:
    total_ms = max(0.0, (published_at - received_at).total_seconds() * 1e3)
    deadline_ms = policy.deadline_s * 1e3
    return Ledger(
        frame_id=header.frame_id,
        received_at=utc_text(received_at),
        published_at=utc_text(published_at),
        stages=merged(stages),
        total_ms=total_ms,
        deadline_ms=deadline_ms,
        met=total_ms <= deadline_ms,
        acquisition_ms=None if header.frame_time_s is None else header.frame_time_s * 1e3,
        dose_pc_per_nm2=header.dose_pc_per_nm2,
        mode="tuning" if course.tuned_frame_id is None else "tracking",
        drift=course.drift,
        tuned_frame_id=course.tuned_frame_id,
        policy=policy,
        optimiser=None if front is None else front.optimiser,
        evaluations=0 if front is None else front.evaluations,
        device=device,
        version=version,
    )


def with_redetection(
    kept: Ledger, stages: Iterable[StageTime], *, begun_at: datetime, published_at: datetime, device: str
) -> Ledger:
    """The frame's own ledger, and beside it that of its last re-detection, held to the same deadline."""
    total_ms = max(0.0, (published_at - begun_at).total_seconds() * 1e3)
    return kept.model_copy(
        update={
            "redetection": Ledger(
                frame_id=kept.frame_id,
                received_at=utc_text(begun_at),
                published_at=utc_text(published_at),
                stages=merged(stages),
                total_ms=total_ms,
                deadline_ms=kept.deadline_ms,
                met=total_ms <= kept.deadline_ms,
                mode="redetection",
                device=device,
                version=kept.version,
            )
        }
    )


def guard(
    header: FrameHeader,
    policy: StreamPolicy,
    *,
    gap: int,
    met: bool,
    atoms: AtomMap | None,
    front: ParetoFront | None,
    drift: Sequence[str] = (),
) -> Guard:
    """Every reason why a loop should not act on this result; fit when there is none."""
    chosen = None if front is None or front.chosen is None else front.points[front.chosen]
    told = {
        "simulated": header.simulated,
        "sequence-gap": gap > 0,
        "wrong-detector": policy.expected_detector is not None
        and header.detector != policy.expected_detector,
        "deadline-missed": not met,
        "nothing-found": atoms is None or atoms.count == 0,
        "no-front": chosen is None,
        "not-ordered": front is not None and _guessed(front, policy),
        "er-too-high": chosen is not None and chosen.er > policy.max_er_for_control,
    }
    reasons = [reason for reason, holds in told.items() if holds]
    reasons += [f"drifted: {code}" for code in drift if code in SCENE]
    if FALLING in drift:
        reasons.append(FALLING)
    return Guard(frame_id=header.frame_id, fit_for_control=not reasons, reasons=reasons)


def _guessed(front: ParetoFront, policy: StreamPolicy) -> bool:
    """Whether the expected count comes from no lattice that was seen and from nobody who said it."""
    if front.n_expected is None:
        return True
    said = policy.density_per_nm2 is not None or policy.count is not None
    return front.n_expected.source in ("density", "count") and not said
