"""What is known of a frame: GET /v1/frames/{id} and its image, atoms, front and windows."""

from __future__ import annotations

import io
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response

from paretoscope.api.answers import may
from paretoscope.api.columns import ENCODERS, JSON, NPY, picked
from paretoscope.api.context import Ctx
from paretoscope.api.negotiate import choose_media
from paretoscope.api.pictures import png, shrunk, stretched
from paretoscope.api.routes.parameters import Accept, FrameIdPath, IfNoneMatch
from paretoscope.api.summary import etag, frame_view, same_tag
from paretoscope.contract import AtomMap, ParameterMap, ParetoFront
from paretoscope.contract.views import AtomsView, FrameView
from paretoscope.errors import BadParameters, NotFound

router = APIRouter(tags=["frames"])

FOR_EVER = "private, max-age=31536000, immutable"
ASK_AGAIN = "private, no-cache"

_BINARY = {"schema": {"type": "string", "format": "binary"}}


def _content(*media: str) -> dict[int | str, dict[str, Any]]:
    return {
        200: {
            "content": dict.fromkeys(media, _BINARY),
            "description": "As Accept asks.",
        },
        304: {"description": "What you have (If-None-Match) is still the newest."},
        **may(406),
    }


def not_yet(frame_id: str, what: str) -> NotFound:
    return NotFound(
        "not-yet",
        hint=f"Frame {frame_id} has no {what} yet; GET /v1/frames/{frame_id} tells its state.",
        retry=True,
    )


@router.get("/frames/{frame_id}", response_model=FrameView, summary="A frame and how it stands")
def get_frame(
    frame_id: FrameIdPath, response: Response, context: Ctx, if_none_match: IfNoneMatch = None
) -> FrameView | Response:
    view = frame_view(context.store, frame_id)
    headers = {"ETag": etag(view), "Cache-Control": ASK_AGAIN}
    if same_tag(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return view


@router.get(
    "/frames/{frame_id}/image",
    response_class=Response,
    responses=_content("image/png", NPY),
    summary="The frame's pixels",
)
def get_image(
    frame_id: FrameIdPath,
    context: Ctx,
    low: Annotated[float, Query(ge=0.0, le=100.0, description="Black percentile (png).")] = 0.5,
    high: Annotated[float, Query(ge=0.0, le=100.0, description="White percentile (png).")] = 99.5,
    gamma: Annotated[float, Query(gt=0.0, le=10.0, description="Exponent after stretching (png).")] = 1.0,
    max_side_px: Annotated[int | None, Query(ge=16, description="Shrink to this side (png).")] = None,
    accept: Accept = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """As an 8-bit PNG for the eye, or as npy with the very numbers that came."""
    if low >= high:
        raise BadParameters("bad-contrast", hint=f"low ({low}) is below high ({high}), both percentiles.")
    media = choose_media(accept, ["image/png", NPY])
    key = (frame_id, media) if media == NPY else (frame_id, media, low, high, gamma, max_side_px)
    headers = {"ETag": f'"{"/".join(map(str, key))}"', "Cache-Control": FOR_EVER, "Vary": "Accept"}
    if same_tag(if_none_match, headers["ETag"]):
        context.store.state(frame_id)
        return Response(status_code=304, headers=headers)
    if media == NPY:
        sink = io.BytesIO()
        np.save(sink, context.store.pixels(frame_id), allow_pickle=False)
        return Response(sink.getvalue(), media_type=NPY, headers=headers)

    def draw() -> bytes:
        return png(shrunk(stretched(context.store.pixels(frame_id), low, high, gamma), max_side_px))

    return Response(context.pictures.get(key, draw), media_type="image/png", headers=headers)


@router.get(
    "/frames/{frame_id}/atoms",
    response_model=AtomsView,
    responses=_content(*(media for media in ENCODERS if media != JSON)),
    summary="Where the atoms are, as columns",
)
def get_atoms(
    frame_id: FrameIdPath,
    context: Ctx,
    columns: Annotated[
        str | None, Query(description="Only these, comma-separated: y_px,x_px,class_id", max_length=512)
    ] = None,
    accept: Accept = None,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """JSON columns, msgpack buffers, Arrow, CSV or npy; see docs/reference/rest.md for each."""
    media = choose_media(accept, list(ENCODERS))
    atoms = context.store.document(frame_id, AtomMap)
    if atoms is None:
        raise not_yet(frame_id, "atom map")
    tag = f'"{frame_id}.{atoms.revision}.{atoms.count}.{media}.{columns or "all"}"'
    headers = {"ETag": tag, "Cache-Control": ASK_AGAIN, "Vary": "Accept", "X-Revision": str(atoms.revision)}
    names = None if columns is None else [name.strip() for name in columns.split(",") if name.strip()]
    chosen = picked(atoms, names)
    if same_tag(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(ENCODERS[media](atoms, chosen), media_type=media, headers=headers)


@router.get("/frames/{frame_id}/front", response_model=ParetoFront, summary="The Pareto points")
def get_front(frame_id: FrameIdPath, context: Ctx) -> ParetoFront:
    front = context.store.document(frame_id, ParetoFront)
    if front is None:
        raise not_yet(frame_id, "front")
    return front


@router.get(
    "/frames/{frame_id}/windows",
    response_model=ParameterMap,
    summary="The parameter map",
)
def get_windows(frame_id: FrameIdPath, context: Ctx) -> ParameterMap:
    windows = context.store.document(frame_id, ParameterMap)
    if windows is None:
        raise not_yet(frame_id, "parameter map (tracked frames reuse the operating point and make none)")
    return windows
