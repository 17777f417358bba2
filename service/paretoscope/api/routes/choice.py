"""The operator's or a loop's pick on the front."""

from __future__ import annotations

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from paretoscope.adapters.store import ChoiceResult
from paretoscope.api.audit import audit
from paretoscope.api.context import Context, Ctx
from paretoscope.api.routes.parameters import FrameIdPath
from paretoscope.api.summary import frame_view
from paretoscope.api.waiting import wait_until
from paretoscope.contract import Choice, Event, ParetoFront
from paretoscope.contract.views import ChoiceRequest, ChoiceView
from paretoscope.errors import BadParameters, NotFound

router = APIRouter(tags=["choice"])


@router.post(
    "/frames/{frame_id}/choice",
    response_model=ChoiceView,
    responses={202: {"model": ChoiceView, "description": "Taken, and not answered within `wait`."}},
    summary="Pick a point: re-detects this frame and steers the next",
)
async def post_choice(
    frame_id: FrameIdPath,
    asked: ChoiceRequest,
    response: Response,
    context: Ctx,
    wait: Annotated[
        float | None,
        Query(ge=0.0, description="How long to wait for the re-detected result, s (default 15)."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        Header(
            min_length=1,
            max_length=128,
            description="Sent again with the same key, the same choice is made once and answered alike.",
        ),
    ] = None,
) -> ChoiceView:
    """The choice is durable once this answers: a worker that dies meanwhile does not lose it."""
    choice_id = await run_in_threadpool(_submit, context, frame_id, asked, idempotency_key)
    wait_s = context.settings.choice_wait_s if wait is None else min(wait, context.settings.max_wait_s)
    return await _answered(context, choice_id, wait_s, response)


@router.get("/choices/{choice_id}", response_model=ChoiceView, summary="How a choice stands")
async def get_choice(
    choice_id: Annotated[str, Path(max_length=64)],
    response: Response,
    context: Ctx,
    wait: Annotated[float, Query(ge=0.0)] = 0.0,
) -> ChoiceView:
    return await _answered(context, choice_id, min(wait, context.settings.max_wait_s), response)


def _submit(context: Context, frame_id: str, asked: ChoiceRequest, key: str | None) -> str:
    header = context.store.header(frame_id)
    try:
        choice_id = "" if key is None else _id_of(frame_id, key)
        choice = Choice(frame_id=frame_id, stream=header.stream, choice_id=choice_id, **dict(asked))
    except ValidationError as error:
        raise BadParameters(
            "bad-choice", hint=f"{error.errors()[0]['msg'].removeprefix('Value error, ')}."
        ) from None
    again = key is not None and _known(context, choice_id)
    if choice.params is None and not again:
        front = context.store.document(frame_id, ParetoFront)
        count = 0 if front is None else len(front.points)
        if count == 0:
            raise BadParameters(
                "no-front",
                hint=f"Frame {frame_id} has no front to choose on; wait for it, or choose by params.",
            )
        if choice.point is not None and choice.point >= count:
            raise BadParameters(
                "no-such-point",
                hint=f"The front of {frame_id} has points 0 to {count - 1}; {choice.point} was asked.",
            )
    choice_id = context.store.submit_choice(choice)
    if not again:
        told = choice.model_dump(mode="json", exclude_none=True, exclude={"by", "choice_id"})
        audit("choice", choice.by, choice_id=choice_id, **told)
    return choice_id


def _id_of(frame_id: str, key: str) -> str:
    """The service's own id for what a caller names by its key."""
    return hashlib.sha256(f"{frame_id}\n{key}".encode()).hexdigest()[:32]


def _known(context: Context, choice_id: str) -> bool:
    try:
        context.store.choice_result(choice_id)
    except NotFound:
        return False
    return True


async def _answered(context: Context, choice_id: str, wait_s: float, response: Response) -> ChoiceView:
    async def look() -> ChoiceResult | None:
        result = await run_in_threadpool(context.store.choice_result, choice_id)
        return None if result.state == "queued" else result

    def answers(event: Event) -> bool:
        return event.data.get("choice_id") == choice_id

    result = await wait_until(look, context.tail, wait_s, answers)
    links = {"self": f"/v1/choices/{choice_id}"}
    if result is None:
        response.status_code = 202
        return ChoiceView(choice_id=choice_id, state="queued", revision=None, frame=None, links=links)
    if result.fault is not None:
        raise BadParameters(result.fault.code, hint=result.fault.hint, retry=result.fault.retry)
    try:
        view = await run_in_threadpool(frame_view, context.store, result.frame_id)
    except NotFound:  # The answer outlives its frame.
        return ChoiceView(
            choice_id=choice_id, state="done", revision=result.revision, frame=None, links=links
        )
    return ChoiceView(
        choice_id=choice_id,
        state="done",
        revision=result.revision,
        frame=view,
        links=links | {"atoms": view.links["atoms"], "front": view.links["front"]},
    )
