"""Frames that workers died over: seen, fetched, tried again."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from fastapi import APIRouter, Response

from paretoscope.adapters.store.dead_letters import no_dead_letter
from paretoscope.api.answers import may
from paretoscope.api.columns import NPY
from paretoscope.api.context import Ctx
from paretoscope.api.negotiate import choose_media
from paretoscope.api.pictures import png, stretched
from paretoscope.api.routes.parameters import Accept, FrameIdPath
from paretoscope.api.routes.results import ASK_AGAIN
from paretoscope.api.summary import frame_links
from paretoscope.contract import DeadLetter
from paretoscope.contract.views import Accepted, DeadLetters, DeadLetterView

router = APIRouter(tags=["dead letters"])

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/png": _BINARY, NPY: _BINARY}, "description": "As Accept asks."},
    **may(406),
}


@router.get("/dead-letters", summary="Frames that workers died over, newest first")
def get_dead_letters(context: Ctx) -> DeadLetters:
    """A frame over which three workers died or hung is given up and kept here, apart from its stream's
    history, as many as `limits.dead_letters`."""
    return DeadLetters(letters=[_view(letter) for letter in context.store.dead_letters()])


@router.get(
    "/dead-letters/{frame_id}/image", response_class=Response, responses=_RESPONSES, summary="Its pixels"
)
def get_dead_image(frame_id: FrameIdPath, context: Ctx, accept: Accept = None) -> Response:
    """As an 8-bit PNG for the eye, or as npy with the very numbers that came."""
    media = choose_media(accept, ["image/png", NPY])
    _, _, pixels = context.store.dead_frame(frame_id)
    headers = {"Cache-Control": ASK_AGAIN, "Vary": "Accept"}
    if media == NPY:
        sink = io.BytesIO()
        np.save(sink, pixels, allow_pickle=False)
        return Response(sink.getvalue(), media_type=NPY, headers=headers)
    return Response(png(stretched(pixels, 0.5, 99.5, 1.0)), media_type="image/png", headers=headers)


@router.post("/dead-letters/{frame_id}/retry", status_code=202, summary="Analyse it once more")
def retry(frame_id: FrameIdPath, context: Ctx) -> Accepted:
    """Queued again under its own id; the letter is gone, and comes back if workers die over it again."""
    context.store.retry_dead(frame_id)
    stream = context.store.stream_of(frame_id)
    links = frame_links(frame_id)
    return Accepted(frame_id=frame_id, stream=stream, state="queued", duplicate=False, links=links)


@router.delete("/dead-letters/{frame_id}", status_code=204, summary="Let it go, with its pixels")
def discard(frame_id: FrameIdPath, context: Ctx) -> None:
    """Cannot be taken back. The stream's history keeps that the frame failed, and why."""
    if not context.store.discard_dead(frame_id):
        raise no_dead_letter(frame_id)
    context.store.count("dead-letters:discarded")


def _view(letter: DeadLetter) -> DeadLetterView:
    base = f"/v1/dead-letters/{letter.frame_id}"
    return DeadLetterView(
        frame_id=letter.frame_id,
        stream=letter.stream,
        at=letter.at,
        deliveries=letter.deliveries,
        code=letter.fault.code,
        hint=letter.fault.hint,
        links={"image": f"{base}/image", "retry": f"{base}/retry"},
    )
