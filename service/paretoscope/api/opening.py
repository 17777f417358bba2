"""A file that somebody dropped on the page: any format that is read here, its metadata taken along."""

from __future__ import annotations

import re
import tempfile
import threading
from pathlib import Path
from typing import Any

from fastapi import Request

from paretoscope.adapters.files.apart import Opened, read_apart
from paretoscope.adapters.files.kinds import readable
from paretoscope.api.ingest import UnsupportedMedia
from paretoscope.errors import BadFile, BadFrame, Busy

AT_ONCE = 2
"""Files read at the same time; each may take a core and gigabytes."""
PATIENCE_S = 30.0
_places = threading.BoundedSemaphore(AT_ONCE)
_PLAIN = re.compile(r"[^\w .()+-]+")


def ending_of(filename: str) -> str:
    """'.dm4'. Raises UnsupportedMedia (415) naming what is read here."""
    ending = Path(filename).suffix.lower()
    known = {one.ending: one for one in readable()}
    if ending not in known:
        what = f"Files that end in {ending[:16]}" if ending else "Files without an ending"
        raise UnsupportedMedia(
            hint=f"{what} are not read here. Readable: {', '.join(known)} (GET /v1/formats says more)."
        )
    if not known[ending].installed:
        raise UnsupportedMedia(
            "reader-missing",
            hint=f"The reader of {ending} is not installed: run 'pip install paretoscope[formats]'.",
        )
    return ending


async def received(request: Request, folder: Path, filename: str) -> Path:
    """The body as a file in `folder`, under a name that says nothing but its ending."""
    ending = ending_of(filename)
    # The caller's words are for messages only; what becomes part of a path is chosen here.
    plain = _PLAIN.sub("_", Path(filename).stem)[:48].strip(" .") or "file"
    path = folder / f"{plain}{ending}"
    came = 0
    with path.open("xb") as file:
        async for chunk in request.stream():
            file.write(chunk)
            came += len(chunk)
    if not came:
        raise BadFrame("empty-body", hint="The body is empty; send the file itself as the body.")
    return path


def opened(path: Path, index: int | None) -> Opened:
    """Raises BadFile, TooLarge, Busy."""
    if not _places.acquire(timeout=PATIENCE_S):
        raise Busy("files-busy", hint="Other files are being read; send this one again in a moment.")
    try:
        return read_apart(path, index)
    except BadFile as error:
        if error.code == "reader-missing":
            raise UnsupportedMedia(error.code, hint=error.hint) from None
        raise
    finally:
        _places.release()


def header_fields(file: Opened, filename: str) -> dict[str, Any]:
    """What the file says, as fields of a frame header."""
    note = " ".join([f"From {filename[:100]}.", *file.notes])
    return {
        "pixel_size_nm": file.pixel_size_nm,
        "dwell_us": file.dwell_us if file.dwell_us is not None and file.dwell_us > 0 else None,
        "detector": None if file.detector is None else file.detector[:64],
        "instrument": None if file.instrument is None else file.instrument[:128],
        "note": note[:512],
    }


def folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="paretoscope-file-")
