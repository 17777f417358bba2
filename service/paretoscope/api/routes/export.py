"""Results as files for other programs, and what is read and written here."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response

from paretoscope.adapters.exporters import tiff
from paretoscope.adapters.exporters.formats import FORMATS
from paretoscope.adapters.exporters.record import Record, read_record
from paretoscope.adapters.files.kinds import readable
from paretoscope.api.answers import may
from paretoscope.api.columns import ARROW_FILE, CSV, JSON, NPY
from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import FrameIdPath, IfNoneMatch
from paretoscope.api.summary import same_tag
from paretoscope.contract.views import ExportFormat, Formats, ReadFormat
from paretoscope.errors import BadParameters

router = APIRouter(tags=["files"])

ExportName = Literal["csv", "arrow", "parquet", "npy", "json", "napari", "nexus", "hdf5", "tiff", "png"]
HDF5 = "application/x-hdf5"
_drawing = threading.Lock()
"""matplotlib's text layout is not made for threads."""


@dataclass(frozen=True)
class Export:
    media: str
    what: str
    ending: str
    encode: Callable[[Record], bytes]


def _overlay(record: Record) -> bytes:
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BadParameters(
            "not-installed", hint="Figures need matplotlib: pip install 'paretoscope[viz]'."
        ) from None
    from paretoscope.adapters.plots import plot_overlay

    sink = io.BytesIO()
    with _drawing:
        figure = plot_overlay(record.image, record.atoms, record.classes, record.header.frame_id)
        figure.savefig(sink, format="png", dpi=150)
    return sink.getvalue()


def _of(name: str, media: str, what: str) -> Export:
    return Export(media, what, FORMATS[name].ending, FORMATS[name].encode)


EXPORTS: dict[str, Export] = {
    "csv": _of("csv", CSV, "Atoms, a row each"),
    "arrow": _of("arrow", ARROW_FILE, "Atoms, Arrow file with units"),
    "parquet": _of("parquet", "application/vnd.apache.parquet", "Atoms, Parquet with units"),
    "npy": _of("npy", NPY, "Atoms, NumPy structured array"),
    "json": _of("json", JSON, "Atoms, JSON columns"),
    "napari": _of("napari", CSV, "Atoms, napari points layer"),
    "nexus": _of("hdf5", HDF5, "Everything: image, atoms, front, classes, provenance; HDF5 / NeXus"),
    "hdf5": _of("hdf5", HDF5, "The same as nexus"),
    "tiff": Export(
        "image/tiff", "Image as it came, OME-TIFF", "-image.tif", lambda r: tiff.encode(r.header, r.image)
    ),
    "png": Export("image/png", "Figure: image and atoms by class", "-overlay.png", _overlay),
}

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {one.media: _BINARY for one in EXPORTS.values()}
        | {JSON: {"schema": {"$ref": "#/components/schemas/AtomsView"}}},
        "description": "The file; Content-Disposition names it.",
    },
    304: {"description": "What you have (If-None-Match) is still the newest."},
    **may(409),
}


@router.get(
    "/frames/{frame_id}/export",
    response_class=Response,
    responses=_RESPONSES,
    summary="The result as a file",
)
def get_export(
    frame_id: FrameIdPath,
    context: Ctx,
    format: Annotated[ExportName, Query(description="See GET /v1/formats.")] = "csv",
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Of a frame that is done: atoms, everything, the image or a figure. 409 while it is not done."""
    export = EXPORTS[format]
    record = read_record(context.store, frame_id)
    tag = f'"{frame_id}.{record.atoms.revision}.{format}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{frame_id}{export.ending}"',
    }
    if same_tag(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    return Response(export.encode(record), media_type=export.media, headers=headers)


@router.get("/formats", summary="Which files are read, and which are written")
def get_formats() -> Formats:
    return Formats(
        readable=[
            ReadFormat(ending=one.ending, what=one.what, installed=one.installed) for one in readable()
        ],
        exports=[
            ExportFormat(format=name, media_type=one.media, ending=one.ending, what=one.what)
            for name, one in EXPORTS.items()
        ],
    )
