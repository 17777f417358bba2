"""Path, query and header parameters that several routes share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Header, Path, Query

FRAME_ID = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"

FrameIdPath = Annotated[str, Path(pattern=FRAME_ID, description="A frame's id, as the service gave it.")]
StreamPath = Annotated[str, Path(pattern=NAME, description="A stream's name.")]
Wait = Annotated[
    float, Query(ge=0.0, description="How long to wait for news, s; at most the service's own limit (60 s).")
]
Accept = Annotated[str | None, Header(description="Which media type, with quality values.")]
IfNoneMatch = Annotated[str | None, Header(description="The ETag you have: 304 while nothing is newer.")]
