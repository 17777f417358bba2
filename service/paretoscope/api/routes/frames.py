"""An image in: POST /v1/frames."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from paretoscope.api import opening
from paretoscope.api.answers import may
from paretoscope.api.context import Context, Ctx
from paretoscope.api.ingest import RawLayout, decode_image
from paretoscope.api.routes.parameters import NAME, Wait
from paretoscope.api.summary import frame_links, frame_view
from paretoscope.api.waiting import wait_until
from paretoscope.contract import Event, Fault
from paretoscope.contract.views import Accepted, FrameView
from paretoscope.errors import BadFrame, BadInput, BadParameters

FINAL = frozenset({"done", "failed", "dropped"})

_BODY = {"schema": {"type": "string", "format": "binary"}}
_REQUEST = {
    "required": True,
    "content": {"application/x-npy": _BODY, "image/tiff": _BODY, "application/octet-stream": _BODY},
}


router = APIRouter(tags=["frames"])


@router.post(
    "/frames",
    status_code=202,
    response_model=Accepted,
    responses={200: {"model": FrameView, "description": "With `wait`: the result, in time."}, **may(415)},
    openapi_extra={"requestBody": _REQUEST},
    summary="Send an image",
)
async def post_frame(
    request: Request,
    response: Response,
    context: Ctx,
    stream: Annotated[str, Query(pattern=NAME, description="Whose image it is.")] = "uploads",
    pixel_size_nm: Annotated[
        float | None,
        Query(
            gt=0.0,
            allow_inf_nan=False,
            description="Distance between pixel centres, nm; leave out if unknown.",
        ),
    ] = None,
    dwell_us: Annotated[
        float | None, Query(gt=0.0, allow_inf_nan=False, description="Dwell time per pixel, us.")
    ] = None,
    detector: Annotated[str | None, Query(max_length=64)] = None,
    rows: Annotated[int | None, Query(ge=1, description="Raw pixels only.")] = None,
    columns: Annotated[int | None, Query(ge=1, description="Raw pixels only.")] = None,
    dtype: Annotated[str | None, Query(description="Raw pixels only: uint8, uint16, ..., float64.")] = None,
    filename: Annotated[
        str | None,
        Query(max_length=255, description="The body is a file of this name: its ending says which kind."),
    ] = None,
    index: Annotated[
        int | None, Query(ge=0, lt=2**31, description="With `filename`: which image of several.")
    ] = None,
    epoch: Annotated[
        str | None, Query(pattern=r"^[A-Za-z0-9]{1,32}$", description="With `sequence`: your own numbering.")
    ] = None,
    sequence: Annotated[
        int | None, Query(ge=0, lt=2**53, description="With `epoch`: a repeated upload is taken once.")
    ] = None,
    wait: Wait = 0.0,
) -> Response | Accepted:
    """An image from software that has no ZeroMQ: npy, TIFF (one grey image) or raw pixels, in the body.

    With `filename` the body is a file of any format in GET /v1/formats; pixel size, dwell time and detector
    are the file's own unless given here. Of several images the first is taken, or `index`.

    Answers 202 as soon as the store has it. `?wait=S` waits for the result and answers 200 with it, or 202
    when it takes longer; an image that cannot be analysed is then a problem with the worker's code and hint.
    """
    if (epoch is None) != (sequence is None):
        raise BadParameters(hint="Give both epoch and sequence, or neither.")
    if request.headers.get("content-encoding", "identity") != "identity":
        raise BadFrame("compressed", hint="Send the body uncompressed; TIFF may compress inside.")
    told: dict[str, Any] = {
        "pixel_size_nm": None if pixel_size_nm is None else (pixel_size_nm, pixel_size_nm),
        "dwell_us": dwell_us,
        "detector": detector,
    }
    images, notes = 1, []
    if filename is not None:
        with opening.folder() as folder:
            path = await opening.received(request, Path(folder), filename)
            file = await run_in_threadpool(opening.opened, path, index)
        image, images, notes = file.image, file.images, list(file.notes)
        told = opening.header_fields(file, filename) | {name: v for name, v in told.items() if v is not None}
    else:
        body = await request.body()
        layout = RawLayout(rows, columns, dtype)
        image = await run_in_threadpool(decode_image, body, request.headers.get("content-type"), layout)

    def take() -> tuple[str, bool]:
        header, fresh = context.uploads.put(
            context.store,
            stream,
            image,
            (epoch, sequence) if epoch is not None and sequence is not None else None,
            **told,
        )
        return header.frame_id, fresh

    frame_id, fresh = await run_in_threadpool(take)
    state = await finished(context, frame_id, min(wait, context.settings.max_wait_s)) if wait > 0 else None
    links = frame_links(frame_id)
    located = {"Location": links["self"]}
    if state is not None:
        if state == "failed":
            await run_in_threadpool(raise_fault, context, frame_id)
        view = await run_in_threadpool(frame_view, context.store, frame_id)
        return Response(view.model_dump_json(), media_type="application/json", headers=located)
    response.headers.update(located)
    return Accepted(
        frame_id=frame_id,
        stream=stream,
        state=await run_in_threadpool(context.store.state, frame_id),  # type: ignore[arg-type]
        duplicate=not fresh,
        images=images,
        notes=notes,
        links=links,
    )


async def finished(context: Context, frame_id: str, wait_s: float) -> str | None:
    """The frame's final state, or None when it is not settled within `wait_s`."""

    async def look() -> str | None:
        state = await run_in_threadpool(context.store.state, frame_id)
        return state if state in FINAL else None

    def settles(event: Event) -> bool:
        return event.frame_id == frame_id and event.kind in ("result", "fault", "drop")

    return await wait_until(look, context.tail, wait_s, settles)


def raise_fault(context: Context, frame_id: str) -> None:
    fault = context.store.document(frame_id, Fault)
    if fault is not None:
        raise BadInput(fault.code, hint=fault.hint, retry=fault.retry)
    raise BadInput("failed", hint=f"Frame {frame_id} could not be analysed; the worker's log says why.")
