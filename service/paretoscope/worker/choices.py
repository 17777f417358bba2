"""Choices: a point on a stored front, detected anew, and the operating point of the frames to come."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import structlog

from paretoscope.adapters.store import ChoiceClaim, Store, utc_now
from paretoscope.contract import (
    AtomMap,
    Choice,
    Document,
    Fault,
    FrontPoint,
    Ledger,
    LogParams,
    OperatingPoint,
    ParetoFront,
    StageTime,
)
from paretoscope.errors import BadParameters, NotFound, ParetoscopeError
from paretoscope.gate import Gate
from paretoscope.worker import verdict
from paretoscope.worker.patience import Patience, Stopped
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.workflow import Workflow
from paretoscope.workflows.choice import marked, pick

log = structlog.get_logger(__name__)

MOST_DELIVERIES = 3


class ChoiceWorker:
    """Answers choices one by one, beside a frame that may be tuning meanwhile."""

    def __init__(
        self,
        store: Store,
        workflow: Workflow,
        pulse: Pulse,
        patience: Patience,
        consumer: str,
        gate: Gate | None = None,
    ) -> None:
        """gate: by which a search in the same process lets an answer go first."""
        self._gate = gate or Gate()
        self._hang_s = store.limits.hang_s
        self._store = store
        self._workflow = workflow
        self._pulse = pulse
        self._patience = patience
        self._consumer = consumer

    def run(self) -> None:
        """Until told to stop."""
        while not self._patience.stop.is_set():
            try:
                claim = self._patience.until_done(lambda: self._store.claim_choice(self._consumer, 0.5))
                if claim is not None:
                    self.answer(claim)
            except Stopped:
                return

    def answer(self, claim: ChoiceClaim) -> None:
        """Give the choice a result or a fault."""
        bound = structlog.contextvars.bound_contextvars(
            frame_id=claim.choice.frame_id, choice_id=claim.choice_id
        )
        with bound, self._gate.entered(), self._pulse.holding(claim, self._hang_s):
            fault = self._attempt(claim)
            if fault is not None:
                log.warning("choice failed", code=fault.code, hint=fault.hint)
                self._patience.until_done(lambda: self._store.fail_choice(claim, fault))

    def _attempt(self, claim: ChoiceClaim) -> Fault | None:
        if claim.deliveries > MOST_DELIVERIES:
            return _fault(claim, "worker-died", "The workers died or hung over this choice; see their log.")
        try:
            self._redetect(claim)
        except Stopped:
            raise
        except ParetoscopeError as error:
            return _fault(claim, error.code, error.hint, error.retry)
        except Exception as error:
            log.exception("re-detection broke")
            return _fault(claim, "internal", f"The re-detection broke ({type(error).__name__}); see the log.")
        return None

    def _redetect(self, claim: ChoiceClaim) -> None:
        choice, store, wait = claim.choice, self._store, self._patience.until_done
        begun, begun_at = time.monotonic(), utc_now()
        header = wait(lambda: store.header(choice.frame_id))
        pixels = wait(lambda: store.pixels(choice.frame_id))
        policy = wait(lambda: store.policy(header.stream))
        memory = wait(lambda: store.memory(header.stream))
        front = wait(lambda: store.document(choice.frame_id, ParetoFront))
        params, index = resolve(choice, front, policy.rewards)
        revision = wait(lambda: store.next_revision(choice.frame_id))
        found = list(self._workflow.redetect(header, pixels, policy, memory, params, revision))
        documents: list[Document] = [
            one for one in found if not isinstance(one, StageTime | FrontPoint | ParetoFront)
        ]
        if front is not None:
            reached = next((one for one in found if isinstance(one, FrontPoint)), None)
            front = moved(front, index, reached, revision, policy.rewards)
            documents.append(front)
        kept = wait(lambda: store.document(choice.frame_id, Ledger))
        gap = wait(lambda: store.gap(choice.frame_id))
        atoms = next((one for one in found if isinstance(one, AtomMap)), None)
        met = kept is None or kept.met
        drift = [] if kept is None else kept.drift
        documents.append(
            verdict.guard(header, policy, gap=gap, met=met, atoms=atoms, front=front, drift=drift)
        )
        operating = _operating(claim, params) if choice.scope == "stream" else None
        if kept is not None:
            stages = [one for one in found if isinstance(one, StageTime)]
            documents.append(
                verdict.with_redetection(
                    kept, stages, begun_at=begun_at, published_at=utc_now(), device=self._pulse.device
                )
            )
        told: dict[str, Any] = {
            "redetect_ms": (time.monotonic() - begun) * 1e3,
            "stages": {one.name: one.ms for one in found if isinstance(one, StageTime)},
        }
        wait(lambda: store.finish_choice(claim, documents, operating, told))
        log.info("choice answered", revision=revision, ms=round(told["redetect_ms"]))


def resolve(
    choice: Choice, front: ParetoFront | None, rewards: Sequence[str] = ("qc", "er")
) -> tuple[LogParams, int | None]:
    """The parameters that a choice means, and their place on the front where they have one.

    Raises BadParameters where the front has no such point, NotFound where there is no front yet.
    """
    if choice.params is not None:
        return choice.params, None
    if front is None:
        raise NotFound(
            "no-front-yet",
            hint=f"Frame {choice.frame_id} has no front yet: wait for its result.",
            retry=True,
        )
    if not front.points:
        raise BadParameters("empty-front", hint=f"Nothing was found on frame {choice.frame_id}.")
    if choice.weight is not None:
        index = pick(front, choice.weight, rewards)
        return front.points[index].params, index
    if choice.point is None or choice.point >= len(front.points):
        raise BadParameters(
            "no-such-point",
            hint=f"The front of {choice.frame_id} has points 0 to {len(front.points) - 1}, "
            f"no {choice.point}.",
        )
    return front.points[choice.point].params, choice.point


def moved(
    front: ParetoFront,
    index: int | None,
    reached: FrontPoint | None,
    revision: int,
    rewards: Sequence[str] = ("qc", "er"),
) -> ParetoFront:
    """The front with `index` chosen; without one, a point of the operator's own joins it and is chosen."""
    points = list(front.points)
    if index is None and reached is not None:
        held = [point.params for point in points]
        if reached.params in held:
            index = held.index(reached.params)
        else:
            points = marked([*points, reached], rewards)
            index = [point.params for point in points].index(reached.params)
    chosen = front.chosen if index is None else index
    return front.model_copy(update={"revision": revision, "points": points, "chosen": chosen})


def _operating(claim: ChoiceClaim, params: LogParams) -> OperatingPoint:
    return OperatingPoint(
        params=params,
        weight=claim.choice.weight,
        origin="operator",
        frame_id=claim.choice.frame_id,
        choice_id=claim.choice_id,
    )


def _fault(claim: ChoiceClaim, code: str, hint: str, retry: bool = False) -> Fault:
    return Fault(
        code=code, hint=hint, retry=retry, stream=claim.choice.stream, frame_id=claim.choice.frame_id
    )
