"""Choices: asked by an operator or a loop, answered by a worker."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any, cast

from paretoscope.adapters.store import choice_scripts as scripts
from paretoscope.adapters.store import keys
from paretoscope.adapters.store.frames import Frames
from paretoscope.adapters.store.link import LONGEST_BLOCK_S, translated
from paretoscope.adapters.store.packing import digest, revision_of, triples
from paretoscope.adapters.store.records import ChoiceClaim, ChoiceResult
from paretoscope.contract import Choice, Document, Fault, OperatingPoint
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import BadParameters, Busy, NotFound

KEPT_S = 24 * 3600
"""How long an answer can be asked for, s, unless ``limits.choices`` newer ones pushed it out."""


class Choices(Frames):
    @translated
    def submit_choice(self, choice: Choice) -> str:
        """Queue a choice durably; returns its id. A choice that carries its own id is queued once.

        Raises NotFound when the frame is not there, Busy when too many wait,
        BadParameters('choice-id-reused') when its id belongs to another choice.
        """
        choice_id = choice.choice_id or uuid.uuid4().hex
        choice = choice.model_copy(update={"choice_id": choice_id})
        args = [choice.frame_id, choice_id, pack(choice)]
        taken = self._run(scripts.SUBMIT_CHOICE, [keys.choice(choice_id)], args)
        if taken == -1:
            raise NotFound("no-such-frame", hint=f"There is no frame {choice.frame_id} to choose on.")
        if taken == -2:
            raise BadParameters(
                "choice-id-reused", hint=f"Choice {choice_id} is another one; give this a new id."
            )
        if taken == -3:
            raise Busy(
                "choices-full", hint="Too many choices wait for a worker: ask again later, and see /readyz."
            )
        return choice_id

    @translated
    def claim_choice(self, consumer: str, block_s: float = 0.0) -> ChoiceClaim | None:
        """The next choice for this worker, or None after `block_s` seconds."""
        while True:
            found = self._next_entry(keys.CHOICES, consumer, block_s)
            if found is None:
                return None
            entry, fields = found
            choice_id = fields[b"choice"].decode()
            held = self._run(scripts.BEGIN_CHOICE, [keys.choice(choice_id)], [entry, consumer])
            if held:
                deliveries = self._deliveries(keys.CHOICES, entry)
                return ChoiceClaim(choice_id, unpack(held[0], Choice), entry, deliveries, int(held[1]))

    @translated
    def finish_choice(
        self,
        claim: ChoiceClaim,
        documents: Iterable[Document],
        operating: OperatingPoint | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write the re-detected result, the stream's new operating point and the answer, all at once.

        operating: None leaves the stream's as it is. told: more for the event. False when the choice had
        been answered before, or another worker took it over: nothing is written then.
        """
        documents = list(documents)
        data = digest(documents) | {"choice_id": claim.choice_id, "scope": claim.choice.scope}
        data |= told or {}
        return self._answer(claim, "done", None, "choice", data, "choices:done", documents, operating)

    @translated
    def fail_choice(self, claim: ChoiceClaim, fault: Fault) -> bool:
        data = {"choice_id": claim.choice_id, "code": fault.code, "hint": fault.hint}
        return self._answer(claim, "failed", fault, "fault", data, f"fault:{fault.code}", [], None)

    def _answer(
        self,
        claim: ChoiceClaim,
        state: str,
        fault: Fault | None,
        kind: str,
        data: dict[str, Any],
        counter: str,
        documents: list[Document],
        operating: OperatingPoint | None,
    ) -> bool:
        choice = claim.choice
        args: list[Any] = [choice.frame_id, claim.entry, state, "" if fault is None else pack(fault)]
        args += [revision_of(documents), "" if operating is None else pack(operating)]
        args += ["" if operating is None else operating.choice_id, self.limits.events]
        args += [self._event(kind, choice.stream, choice.frame_id, data), KEPT_S, counter, claim.fence]
        args += [claim.choice_id, self.limits.choices]
        touched = [
            keys.choice(claim.choice_id),
            keys.choice_bell(claim.choice_id),
            keys.memory(choice.stream),
        ]
        return bool(self._run(scripts.CLOSE_CHOICE, touched, [*args, *triples(documents)]))

    @translated
    def choice_result(self, choice_id: str, wait_s: float = 0.0) -> ChoiceResult:
        """How a choice stands; waits up to `wait_s` for its answer. Raises NotFound for an unknown id."""
        result = self._choice_result(choice_id)
        if result.state == "queued" and wait_s > 0.0:
            bell = keys.choice_bell(choice_id)
            # Moved onto itself, the one entry wakes every waiter, not only the first.
            self._blocking.blmove(bell, bell, cast(int, max(0.01, min(wait_s, LONGEST_BLOCK_S))))
            result = self._choice_result(choice_id)
        return result

    def _choice_result(self, choice_id: str) -> ChoiceResult:
        fields = ["state", "frame", "revision", "fault"]
        held = cast("list[bytes | None]", self._redis.hmget(keys.choice(choice_id), fields))
        state, frame_id, revision, fault = held
        if state is None or frame_id is None:
            raise NotFound(
                "no-such-choice", hint=f"There is no choice {choice_id}; answers are kept for a day."
            )
        return ChoiceResult(
            choice_id=choice_id,
            frame_id=frame_id.decode(),
            state=cast(Any, state.decode()),
            revision=int(revision) if state == b"done" and revision is not None else None,
            fault=unpack(fault, Fault) if fault else None,
        )
