"""GET /v1/frames/{id}/spectrum.png."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import FrameIdPath, IfNoneMatch
from paretoscope.api.routes.results import ASK_AGAIN
from paretoscope.api.spectrum import spectrum_png
from paretoscope.api.summary import same_tag
from paretoscope.contract import ParetoFront

router = APIRouter(tags=["frames"])

_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/png": {"schema": {"type": "string", "format": "binary"}}},
        "description": "256 x 256, zero frequency in the middle.",
    },
    304: {"description": "What you have (If-None-Match) is still the newest."},
}


@router.get(
    "/frames/{frame_id}/spectrum.png",
    response_class=Response,
    responses=_RESPONSES,
    summary="The power spectrum, the lattice's reflections ringed",
)
def get_spectrum(frame_id: FrameIdPath, context: Ctx, if_none_match: IfNoneMatch = None) -> Response:
    """Logarithmic. Rings are where the analysis says reflections are: if the spots lie elsewhere, the lattice
    is wrong. No rings where it saw no lattice, or has not looked yet."""
    front = context.store.document(frame_id, ParetoFront)
    expected = None if front is None else front.n_expected
    cell = None if expected is None else expected.reciprocal_cpp
    key = (frame_id, "spectrum", cell)
    headers = {
        "ETag": f'"{frame_id}.spectrum.{abs(hash(cell)) if cell else 0:x}"',
        "Cache-Control": ASK_AGAIN,
    }
    if same_tag(if_none_match, headers["ETag"]):
        return Response(status_code=304, headers=headers)

    def draw() -> bytes:
        return spectrum_png(context.store.pixels(frame_id), expected)

    return Response(context.pictures.get(key, draw), media_type="image/png", headers=headers)
