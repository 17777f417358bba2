"""What takes more than one request, as generators: they yield calls and pauses and are sent the answers.

``Client`` and ``AsyncClient`` carry out the same plans; only how they wait differs.

    call -> its answer, or the ParetoscopeError thrown in;   float -> None after so many seconds
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Generator
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from paretoscope.contract import SCHEMA_MAJOR, BeamTargets, LogParams, StreamPolicy, TargetRule, beam_targets
from paretoscope.contract.codec import first_complaint
from paretoscope.contract.views import ChoiceView, Readiness
from paretoscope.errors import (
    BadInput,
    BadParameters,
    Busy,
    Incompatible,
    NotFound,
    ParetoscopeError,
    ServiceDown,
    StoreDown,
)
from paretoscope_client import rest_calls as calls
from paretoscope_client.fronts import Rule
from paretoscope_client.rest_follow import Patience
from paretoscope_client.rest_result import Picked, Result

T = TypeVar("T")
Plan = Generator[calls.Call[Any] | float, Any, T]

LONGEST_WAIT_S = 20.0
"""What the service is asked to wait at a time; it waits 60 s at most."""
READY_AGAIN_S = 0.25
NOT_THERE_YET_S = 0.05
LOOK_AGAIN_S = 2.0


def latest(stream: str, after: str | None, wait_s: float, stale: bool) -> Plan[Result | None]:
    until = time.monotonic() + wait_s
    found: Result | None = yield calls.latest(stream, after, wait_s)
    if found is None or stale or "stale" not in found.unfit():
        return found
    left = until - time.monotonic()
    newer: Result | None = None
    if left > 0:
        newer = yield calls.latest(stream, found.frame_id, left)
    return (newer or found).require_fit(allow=set((newer or found).unfit()) - {"stale"})


def result(frame_id: str, timeout_s: float) -> Plan[Result]:
    until, seen = time.monotonic() + timeout_s, None
    while True:
        state = "not there"
        try:
            found: Result = yield calls.frame(frame_id)
        except NotFound:
            pause: calls.Call[Any] | float = NOT_THERE_YET_S
        else:
            if found.state == "done":
                return found
            if found.state in ("failed", "dropped"):
                raise _fate(found)
            state = found.state
            pause = calls.latest(found.stream, seen, min(LOOK_AGAIN_S, max(0.0, until - time.monotonic())))
        if time.monotonic() >= until:
            raise Busy(
                "not-yet",
                hint=f"Frame {frame_id} has no result after {timeout_s:g} s; it is {state}. "
                "Ask again, and see at /readyz whether a worker is there.",
            )
        try:
            news = yield pause
        except NotFound:  # the stream has no result at all yet
            yield NOT_THERE_YET_S
        else:
            seen = news.frame_id if news is not None else seen


def _fate(frame: Result) -> ParetoscopeError:
    if frame.fault is not None:
        return BadInput(frame.fault.code, hint=frame.fault.hint, retry=frame.fault.retry)
    return BadInput(frame.state, hint=f"Frame {frame.frame_id} was {frame.state}; /v1/events says why.")


def choose(
    frame_id: str,
    point: int | None,
    weight: float | None,
    params: LogParams | None,
    rule: Rule | None,
    scope: Literal["stream", "frame"],
    by: str,
    wait_s: float,
) -> Plan[Picked]:
    if rule is not None:
        if (point, weight, params) != (None, None, None):
            raise BadParameters("bad-choice", hint="Give a rule alone, or one of point, weight, params.")
        front = yield calls.front(frame_id)
        point = rule(front)
        if point is None:
            raise BadParameters(
                "no-point-fits",
                hint=f"None of the {len(front.points)} points of {frame_id}'s front keeps the rule; "
                "loosen it, or give the stream more time (deadline_s of its policy).",
            )
    # A service that was restarted may have taken the choice and not said so: under its key it is made once.
    choice = calls.choose(frame_id, point, weight, params, scope, by, wait_s, key=uuid.uuid4().hex)
    until, patience = time.monotonic() + wait_s, Patience()
    while True:
        try:
            return (yield choice)
        except (ServiceDown, StoreDown):
            pause_s = patience.pause_s()
            if time.monotonic() + pause_s > until:
                raise
            yield pause_s


def redetected(choice: ChoiceView | str, timeout_s: float) -> Plan[Result]:
    choice_id = choice if isinstance(choice, str) else choice.choice_id
    until = time.monotonic() + timeout_s
    while True:
        left = max(0.0, until - time.monotonic())
        picked: Picked = yield calls.choice(choice_id, min(left, LONGEST_WAIT_S))
        if picked.state == "done" and picked.frame is not None:
            return picked.frame
        if left <= 0.0:
            raise Busy(
                "not-yet",
                hint=f"Choice {choice_id} was not answered within {timeout_s:g} s. It stands: ask again, "
                "and see at /readyz whether a worker is there.",
            )


def change_policy(stream: str, changes: dict[str, Any]) -> Plan[StreamPolicy]:
    now: StreamPolicy = yield calls.policy(stream)
    unknown = sorted(set(changes) - set(StreamPolicy.model_fields))
    if unknown:
        raise BadParameters("bad-policy", hint=f"A policy has no {', '.join(unknown)}.")
    try:
        wanted = StreamPolicy.model_validate(dict(now) | changes)
    except ValidationError as error:
        raise BadParameters("bad-policy", hint=first_complaint(error)) from error
    return (yield calls.set_policy(stream, wanted))


def target_rule(rule: TargetRule | None, fields: dict[str, Any]) -> TargetRule:
    if rule is not None and fields:
        raise BadParameters("bad-rule", hint="Give a TargetRule or its fields, not both.")
    try:
        return rule or TargetRule.model_validate(fields)
    except ValidationError as error:
        raise BadParameters("bad-rule", hint=first_complaint(error)) from error


def targets(
    frame: Result | str, rule: TargetRule, allow: Collection[str], max_age_s: float | None
) -> Plan[BeamTargets]:
    if isinstance(frame, str):
        frame = yield calls.frame(frame)
        assert not isinstance(frame, str)
    frame.require_fit(allow=allow, max_age_s=max_age_s)
    atoms = yield calls.atoms(frame.frame_id, None)
    by_name = any(isinstance(one, str) for one in rule.classes)
    names = (yield calls.class_names(frame.stream)) if by_name else {}
    header = frame.header
    return beam_targets(atoms, header.shape, rule, pixel_size_nm=header.pixel_size_nm, class_names=names)


def wait_ready(timeout_s: float) -> Plan[Readiness]:
    until = time.monotonic() + timeout_s
    while True:
        try:
            version = yield calls.version()
            if int(version.contract.partition(".")[0]) != SCHEMA_MAJOR:
                raise Incompatible(
                    "other-version",
                    hint=f"The service speaks contract {version.contract}, this client {SCHEMA_MAJOR}.x: "
                    "install the client of the service's version.",
                )
            ready: Readiness = yield calls.readiness()
            if ready.ready:
                return ready
            trouble = ServiceDown("not-ready", hint=f"The service is up. {' '.join(ready.reasons)}")
        except ParetoscopeError as error:
            if not error.retry:
                raise
            trouble = error
        if time.monotonic() >= until:
            raise trouble
        yield READY_AGAIN_S
