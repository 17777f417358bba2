"""Streams and their newest result, by long-poll."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Response
from starlette.concurrency import run_in_threadpool

from paretoscope.adapters.store.history import HistoryEntry
from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import FRAME_ID, IfNoneMatch, StreamPath, Wait
from paretoscope.api.routes.results import ASK_AGAIN
from paretoscope.api.summary import etag, frame_view, same_tag
from paretoscope.api.waiting import wait_until
from paretoscope.contract import Event
from paretoscope.contract.views import FrameIds, FrameRow, FrameView, Streams, StreamView, Tally
from paretoscope.errors import NotFound

router = APIRouter(tags=["streams"])

MOST_ROWS = 1000
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


@router.get("/streams/{stream}/frames", summary="The frames that are kept, newest first")
def get_frames(
    stream: StreamPath,
    context: Ctx,
    limit: Annotated[int, Query(ge=1, le=10_000)] = 100,
    before: Annotated[str | None, Query(pattern=FRAME_ID, description="Only what came before it.")] = None,
    detail: Annotated[
        bool, Query(description="Also `rows`: state, counts, times and verdict of each (1000 at most).")
    ] = False,
) -> FrameIds:
    """Page by page with `before`: frames that come meanwhile move nothing."""
    if not detail and before is None:
        return FrameIds(stream=stream, frames=context.store.frames(stream, limit))
    limit = min(limit, MOST_ROWS)
    found = context.store.history(stream, limit, before)
    return FrameIds(
        stream=stream,
        frames=[one.frame_id for one in found],
        rows=[_row(one) for one in found] if detail else None,
        before=found[-1].frame_id if len(found) == limit else None,
    )


def _row(one: HistoryEntry) -> FrameRow:
    header = one.header
    told = {name: value for name, value in one.told.items() if name in FrameRow.model_fields}
    if told.get("dose_pc_per_nm2") is None:
        told["dose_pc_per_nm2"] = header.dose_pc_per_nm2
    return FrameRow(
        frame_id=one.frame_id,
        state=one.state,
        epoch=header.epoch,
        sequence=header.sequence,
        received_at=one.received_at,
        gap=one.gap,
        shape=header.shape,
        pixel_size_nm=header.pixel_size_nm,
        simulated=header.simulated,
        **told,
    )


@router.get("/streams/{stream}/tally", summary="What the stream's frames add up to since it began")
def get_tally(stream: StreamPath, context: Ctx) -> Tally:
    held = context.store.tally(stream)
    if not held and stream not in {one.stream for one in context.store.streams()}:
        _explain_nothing(context, stream)

    def counted(name: str) -> int:
        return int(held.get(name, 0))

    def by(prefix: str) -> dict[str, int]:
        return {name.removeprefix(prefix): int(n) for name, n in held.items() if name.startswith(prefix)}

    received, closed = counted("received"), sum(map(counted, ("done", "failed", "dropped")))
    return Tally(
        stream=stream,
        since=held.get("since"),
        received=received,
        done=counted("done"),
        failed=counted("failed"),
        dropped=counted("dropped"),
        dropped_by_reason=by("dropped:"),
        failed_by_code=by("fault:"),
        late=counted("frames:late"),
        gaps=counted("gaps"),
        missing=counted("missing"),
        busy=counted("frames:busy"),
        held=counted("frames:paused"),
        duplicates=counted("frames:duplicate"),
        fenced=counted("fenced"),
        waiting=max(0, received - closed),
        dose_pc_per_nm2=float(held.get("dose", 0)) if counted("dose_frames") else None,
        dose_frames=counted("dose_frames"),
        doseless_frames=counted("doseless"),
        field_since=held.get("field_since"),
    )


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
