"""Which parts of a frame count: GET /v1/frames/{id}/mask."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from fastapi import APIRouter, Response

from paretoscope.api.answers import may
from paretoscope.api.context import Ctx
from paretoscope.api.negotiate import choose_media
from paretoscope.api.pictures import png
from paretoscope.api.routes.parameters import Accept, FrameIdPath, IfNoneMatch
from paretoscope.api.routes.results import ASK_AGAIN, not_yet
from paretoscope.api.summary import same_tag
from paretoscope.contract import AtomMap

router = APIRouter(tags=["frames"])

NPY = "application/x-npy"
GREY = 100
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/png": _BINARY, NPY: _BINARY},
        "description": "As Accept asks; X-Mask-Step-Px tells how many pixels of the frame a square is wide.",
    },
    304: {"description": "What you have (If-None-Match) is still the newest."},
    **may(406),
}


@router.get(
    "/frames/{frame_id}/mask",
    response_class=Response,
    responses=_RESPONSES,
    summary="Vacuum, lattice and disordered areas",
)
def get_mask(
    frame_id: FrameIdPath, context: Ctx, accept: Accept = None, if_none_match: IfNoneMatch = None
) -> Response:
    """npy: uint8, 0 vacuum, 1 lattice, 2 disordered. PNG: the same in grey, 0, 100 and 200. One square per
    `X-Mask-Step-Px` pixels of the frame, from its top-left corner; only lattice counts in N_expected."""
    media = choose_media(accept, ["image/png", NPY])
    atoms = context.store.document(frame_id, AtomMap)
    if atoms is None or atoms.mask is None:
        raise not_yet(frame_id, "area mask (the paper's plain formula, a density or a count need none)")
    tag = f'"{frame_id}.{atoms.revision}.mask.{media}"'
    headers = {
        "ETag": tag,
        "Cache-Control": ASK_AGAIN,
        "Vary": "Accept",
        "X-Mask-Step-Px": str(atoms.mask_step_px),
    }
    if same_tag(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    mask = np.asarray(atoms.mask, dtype=np.uint8)
    if media == NPY:
        sink = io.BytesIO()
        np.save(sink, mask, allow_pickle=False)
        return Response(sink.getvalue(), media_type=NPY, headers=headers)
    return Response(png(mask * np.uint8(GREY)), media_type="image/png", headers=headers)
