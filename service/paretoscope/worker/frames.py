"""Frames: claimed, worked under a deadline, published, closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from paretoscope.adapters.store import Claim, Store, utc_now, utc_text
from paretoscope.contract import (
    AtomMap,
    Course,
    Document,
    Event,
    Fault,
    ParetoFront,
    Progress,
    StageTime,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.deadline import Deadline
from paretoscope.errors import BadInput, Busy, NotFound, ParetoscopeError, StoreDown
from paretoscope.gate import Gate
from paretoscope.worker import verdict
from paretoscope.worker.patience import Patience, Stopped
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.workflow import Grown, Workflow

log = structlog.get_logger(__name__)

MOST_DELIVERIES = 3
"""A frame whose workers died this often is given up."""
GIVEN_UP = (
    "This frame was given up: of the workers that had it {} died and {} hung. It lies among the dead letters "
    "(GET /v1/dead-letters); see the worker's log."
)
PUBLISH_RESERVE_S = 0.03
"""Kept back from the deadline for writing the result."""
HANG_PER_MEGAPIXEL_S = 5.0
"""Added to the hang limit: 4096 x 4096 px took 16 s on one core."""
PROGRESS_EVERY_S = 0.2


class FrameWorker:
    """Works frames one by one. Whatever a frame holds, the loop goes on."""

    def __init__(
        self,
        store: Store,
        workflow: Workflow,
        pulse: Pulse,
        patience: Patience,
        consumer: str,
        *,
        device: str,
        version: str,
        clock: Callable[[], datetime] = utc_now,
        grown: Callable[[Claim], Grown | None] = lambda _: None,
        gate: Gate | None = None,
    ) -> None:
        """grown: gives the scale space that was built while the frame's rows came, where there is one.
        gate: who may go first while a frame is tuned."""
        self._gate = gate or Gate()
        self._grown = grown
        self._hang_s = store.limits.hang_s
        self._store = store
        self._workflow = workflow
        self._pulse = pulse
        self._patience = patience
        self._consumer = consumer
        self._device = device
        self._version = version
        self._clock = clock

    def run(self) -> None:
        """Until told to stop. Raises DeviceFailed: this process can work no more."""
        while not self._patience.stop.is_set():
            self._pulse.checked(self._workflow.check)
            self._pulse.board.tick()
            try:
                claim = self._patience.until_done(lambda: self._store.claim_frame(self._consumer, 0.5))
                if claim is not None:
                    self.work(claim)
            except Stopped:
                return

    def work(self, claim: Claim) -> None:
        """Give the frame a result or a fault. Raises Stopped when told to stop while the store is away."""
        with structlog.contextvars.bound_contextvars(frame_id=claim.frame_id):
            policy = self._patience.until_done(lambda: self._store.policy(claim.header.stream))
            with self._pulse.holding(claim, self._allowance_s(claim, policy)):
                if claim.deliveries > MOST_DELIVERIES:
                    hung = min(claim.hung, claim.deliveries - 1)
                    died = claim.deliveries - 1 - hung
                    code = "worker-hung" if hung > died else "worker-died"
                    dead = _fault(claim, code, GIVEN_UP.format(died, hung))
                    log.error("frame given up", hint=dead.hint)
                    self._patience.until_done(lambda: self._store.bury_frame(claim, dead))
                    return
                fault = self._attempt(claim, policy)
                if fault is not None:
                    log.warning("frame failed", code=fault.code, hint=fault.hint)
                    self._patience.until_done(lambda: self._store.fail_frame(claim, fault))

    def _allowance_s(self, claim: Claim, policy: StreamPolicy) -> float:
        """How long it may be held before its worker counts as hung."""
        return policy.deadline_s + self._hang_s + HANG_PER_MEGAPIXEL_S * claim.pixels.size / 1e6

    def _give_way(self, left_s: float) -> None:
        self._pulse.board.tick()
        self._gate.give_way(left_s)

    def _attempt(self, claim: Claim, policy: StreamPolicy) -> Fault | None:
        """Analyse and finish; what went wrong otherwise."""
        try:
            self._analyse(claim, policy)
        except Stopped:
            raise
        except BadInput as error:
            return _fault(claim, error.code, error.hint)
        except ParetoscopeError as error:
            return _fault(claim, error.code, error.hint, error.retry)
        except MemoryError:
            return _fault(claim, "out-of-memory", "The frame needs more memory than there is.")
        except Exception as error:
            # A frame must never end the loop; the log has the trace, the sender and the counter the code.
            log.exception("analysis broke")
            return _fault(
                claim, "internal", f"The analysis broke ({type(error).__name__}); see the worker's log."
            )
        return None

    def _analyse(self, claim: Claim, policy: StreamPolicy) -> None:
        # By a clock that nobody sets: one that leaps while a frame waits must not use up its time.
        waited_s = claim.waited_s
        received_at = self._clock() - timedelta(seconds=waited_s)
        deadline = Deadline.after(policy.deadline_s - waited_s - PUBLISH_RESERVE_S)
        deadline = replace(deadline, give_way=self._give_way)
        memory = self._patience.until_done(lambda: self._store.memory(claim.header.stream))
        result = _Result(self._store, claim)
        result.stages.append(StageTime(name="queued", ms=waited_s * 1e3))

        def progress(one: Progress) -> None:
            self._pulse.board.tick()
            result.tell(one)

        arguments = (claim.header, claim.pixels, policy, memory, deadline, progress)
        for document in self._workflow.analyse(*arguments, grown=self._grown(claim)):
            self._pulse.board.tick()
            result.take(document)
        documents = self._concluded(claim, policy, result, received_at)
        if result.memory is not None:
            remembered = result.memory
            self._patience.until_done(lambda: self._store.set_memory(claim.header.stream, remembered, claim))
        self._patience.until_done(lambda: self._store.finish_frame(claim, documents))

    def _concluded(
        self, claim: Claim, policy: StreamPolicy, result: _Result, received_at: datetime
    ) -> list[Document]:
        front, atoms = result.of(ParetoFront), result.of(AtomMap)
        result.stages.append(StageTime(name="publish", ms=result.publish_s * 1e3))
        ledger = verdict.ledger(
            claim.header,
            policy,
            result.stages,
            received_at=received_at,
            published_at=self._clock(),
            front=front,
            course=result.course,
            device=self._device,
            version=self._version,
        )
        guard = verdict.guard(
            claim.header, policy, gap=claim.gap, met=ledger.met, atoms=atoms, front=front, drift=ledger.drift
        )
        log.info(
            "frame done",
            atoms=0 if atoms is None else atoms.count,
            total_ms=round(ledger.total_ms),
            met=ledger.met,
            mode=ledger.mode,
            drift=ledger.drift,
        )
        return [*result.documents.values(), ledger, guard]


class _Result:
    """What has come of one frame so far; each document is out as soon as it is there."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store = store
        self._claim = claim
        self._told_s = float("-inf")
        self.documents: dict[type[Document], Document] = {}
        self.stages: list[StageTime] = []
        self.memory: StreamMemory | None = None
        self.course = Course()
        self.complete = False
        """Nothing is left to wait for: what still comes goes out with the frame's end, in one write."""
        self.publish_s = 0.0

    def of(self, kind: type[Any]) -> Any:
        return self.documents.get(kind)

    def take(self, document: Document) -> None:
        if isinstance(document, StageTime):
            self.stages.append(document)
        elif isinstance(document, StreamMemory):
            self.memory = document
        elif isinstance(document, Course):
            self.course, self.complete = document, True
        else:
            self.documents[type(document)] = document
            if not self.complete:
                self._out(lambda: self._store.publish(self._claim.frame_id, [document], self._claim))

    def tell(self, progress: Progress) -> None:
        if time.monotonic() - self._told_s < PROGRESS_EVERY_S:
            return
        self._told_s = time.monotonic()
        data = {"stage": progress.stage, "fraction": progress.fraction, "detail": progress.detail}
        event = Event(
            kind="progress",
            stream=self._claim.header.stream,
            frame_id=self._claim.frame_id,
            at=utc_text(utc_now()),
            data=data,
        )
        self._out(lambda: self._store.append_event(event))

    def _out(self, step: Callable[[], object]) -> None:
        begun = time.monotonic()
        try:
            step()
        except (StoreDown, Busy, NotFound) as error:
            # Early news only: the frame's end writes everything again, and waits for the store.
            log.debug("not published early", code=error.code)
        self.publish_s += time.monotonic() - begun


def _fault(claim: Claim, code: str, hint: str, retry: bool = False) -> Fault:
    header = claim.header
    return Fault(
        code=code,
        hint=hint,
        retry=retry,
        stream=header.stream,
        frame_id=claim.frame_id,
        epoch=header.epoch,
        sequence=header.sequence,
    )
