"""Classes of atoms: numbers, pictures and the operator's names for them."""

from __future__ import annotations

from typing import Annotated, Any

import msgpack
import numpy as np
from fastapi import APIRouter, Path, Query, Response

from paretoscope.adapters.exporters.numbers import json_bytes, plain_list
from paretoscope.api.answers import may
from paretoscope.api.columns import JSON, MSGPACK, buffer
from paretoscope.api.context import Context, Ctx
from paretoscope.api.negotiate import choose_media
from paretoscope.api.pictures import patch_png
from paretoscope.api.routes.parameters import Accept, FrameIdPath, StreamPath
from paretoscope.api.routes.results import ASK_AGAIN, not_yet
from paretoscope.contract import Classes
from paretoscope.contract.views import ClassesView, ClassName, ClassNames
from paretoscope.errors import NotFound

router = APIRouter(tags=["classes"])

ClassId = Annotated[int, Path(ge=0, lt=2**31)]
_PNG: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "8-bit grey.",
    }
}


@router.get(
    "/frames/{frame_id}/classes",
    response_model=ClassesView,
    responses={200: {"content": {MSGPACK: {"schema": {"type": "string", "format": "binary"}}}}, **may(406)},
    summary="Classes by the look of each atom's surroundings",
)
def get_classes(
    frame_id: FrameIdPath,
    context: Ctx,
    arrays: Annotated[bool, Query(description="false: without labels, patches and components.")] = True,
    accept: Accept = None,
) -> Response:
    """JSON: arrays as nested lists. msgpack: arrays as {"dtype", "shape", "data"}, little-endian, C order."""
    media = choose_media(accept, [JSON, MSGPACK])
    found = _named(context, frame_id)
    encode = plain_list if media == JSON else buffer
    base = f"/v1/frames/{frame_id}/classes"
    links = {
        f"{picture}:{one.class_id}": f"{base}/{one.class_id}/{picture}.png"
        for one in found.classes
        for picture in ("centroid", "dispersion")
    }
    told: dict[str, Any] = {"classes": [one.model_dump() for one in found.classes], "links": links}
    for name in Classes.model_fields:
        value = getattr(found, name)
        if isinstance(value, np.ndarray) and not arrays:
            continue
        told.setdefault(name, encode(value) if isinstance(value, np.ndarray) else value)
    body = json_bytes(told) if media == JSON else msgpack.packb(told)
    return Response(body, media_type=media, headers={"Cache-Control": ASK_AGAIN, "Vary": "Accept"})


@router.get(
    "/frames/{frame_id}/classes/{class_id}/centroid.png",
    response_class=Response,
    responses=_PNG,
    summary="The mean patch of a class",
)
def get_centroid(
    frame_id: FrameIdPath, class_id: ClassId, context: Ctx, scale: Annotated[int, Query(ge=1, le=16)] = 4
) -> Response:
    return _patch(context, frame_id, class_id, "centroids", scale)


@router.get(
    "/frames/{frame_id}/classes/{class_id}/dispersion.png",
    response_class=Response,
    responses=_PNG,
    summary="How much the patches of a class differ, pixel by pixel",
)
def get_dispersion(
    frame_id: FrameIdPath, class_id: ClassId, context: Ctx, scale: Annotated[int, Query(ge=1, le=16)] = 4
) -> Response:
    return _patch(context, frame_id, class_id, "dispersions", scale)


@router.get("/streams/{stream}/classes", summary="The operator's names for the stream's classes")
def get_names(stream: StreamPath, context: Ctx) -> ClassNames:
    return ClassNames(stream=stream, names=context.store.class_names(stream))


@router.put("/streams/{stream}/classes/{class_id}", summary="Name a class")
def put_name(stream: StreamPath, class_id: ClassId, given: ClassName, context: Ctx) -> ClassNames:
    """The name stays with the class on the stream's following frames; null takes it away."""
    context.store.name_class(stream, class_id, (given.name or "").strip() or None)
    return ClassNames(stream=stream, names=context.store.class_names(stream))


def _named(context: Context, frame_id: str) -> Classes:
    """The frame's classes under the names they have now (the frame may be older than the name)."""
    found = context.store.document(frame_id, Classes)
    if found is None:
        raise not_yet(frame_id, "classes")
    return found.named(context.store.class_names(context.store.header(frame_id).stream))


def _patch(context: Context, frame_id: str, class_id: int, which: str, scale: int) -> Response:
    found = context.store.document(frame_id, Classes)
    if found is None:
        raise not_yet(frame_id, "classes")
    ids = [one.class_id for one in found.classes]
    if class_id not in ids:
        raise NotFound("no-such-class", hint=f"Frame {frame_id} has classes {ids}.")
    patch = getattr(found, which)[ids.index(class_id)]
    key = (frame_id, found.revision, which, class_id, scale)
    picture = context.pictures.get(key, lambda: patch_png(patch, scale))
    return Response(picture, media_type="image/png", headers={"Cache-Control": ASK_AGAIN})
