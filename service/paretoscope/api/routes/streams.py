"""Streams and their newest result, by long-poll."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import IfNoneMatch, StreamPath, Wait
from paretoscope.api.routes.results import ASK_AGAIN
from paretoscope.api.summary import etag, frame_view, same_tag
from paretoscope.api.waiting import wait_until
from paretoscope.contract import Event
from paretoscope.contract.views import FrameIds, FrameView, Streams, StreamView
from paretoscope.errors import NotFound

router = APIRouter(tags=["streams"])

PARTS = ("latest", "frames", "policy", "classes")


@router.get("/streams", summary="Every stream, the one seen last first")
def get_streams(context: Ctx) -> Streams:
    return Streams(
        streams=[
            StreamView(
                **asdict(one),
                links={
                    part: f"/v1/streams/{one.stream}/{part}"
                    for part in ("latest", "frames", "policy", "classes")
                },
            )
            for one in context.store.streams()
        ]
    )


@router.get("/streams/{stream}/frames", summary="Ids of the frames that are kept, newest first")
def get_frames(
    stream: StreamPath, context: Ctx, limit: Annotated[int, Query(ge=1, le=10_000)] = 100
) -> FrameIds:
    return FrameIds(stream=stream, frames=context.store.frames(stream, limit))


@router.get(
    "/streams/{stream}/latest",
    response_model=FrameView,
    responses={304: {"description": "Nothing newer came within `wait`."}},
    summary="The newest result; long-poll",
)
async def get_latest(
    stream: StreamPath,
    response: Response,
    context: Ctx,
    after: Annotated[str | None, Query(max_length=128, description="The frame you have.")] = None,
    wait: Wait = 0.0,
    if_none_match: IfNoneMatch = None,
) -> FrameView | Response:
    """With `after` (a frame id) or If-None-Match (an ETag; also changes when the frame is re-detected) the
    answer waits up to `wait` seconds for something newer, else 304. Without either it is what there is."""

    async def look() -> FrameView | None:
        frame_id = await run_in_threadpool(context.store.latest, stream)
        if frame_id is None or frame_id == after:
            return None
        view = await run_in_threadpool(frame_view, context.store, frame_id)
        return None if same_tag(if_none_match, etag(view)) else view

    def newer(event: Event) -> bool:
        return event.stream == stream and event.kind in ("result", "choice")

    view = await wait_until(look, context.tail, min(wait, context.settings.max_wait_s), newer)
    if view is not None:
        response.headers.update({"ETag": etag(view), "Cache-Control": ASK_AGAIN})
        return view
    held = await run_in_threadpool(context.store.latest, stream)
    if held is None:
        await run_in_threadpool(_explain_nothing, context, stream)
    return Response(status_code=304, headers={"Cache-Control": ASK_AGAIN})


def _explain_nothing(context: Ctx, stream: str) -> None:
    known = [one.stream for one in context.store.streams()]
    if stream in known:
        raise NotFound(
            "no-result",
            hint=f"Stream {stream} has no result yet; wait longer (?wait=).",
            retry=True,
        )
    raise NotFound(
        "no-such-stream",
        hint=f"There is no stream {stream}. Known: {', '.join(known[:20]) or 'none, no frame has come yet'}.",
        retry=not known,
    )
