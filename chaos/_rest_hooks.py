"""What schemathesis cannot know from the description alone: images that are images, and media types.

Loaded by it through ``SCHEMATHESIS_HOOKS``, in its own process.
"""

from __future__ import annotations

import io
import random
import zlib
from typing import Any

import numpy as np
import schemathesis
from PIL import Image
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode

_chance = random.Random(0)
_image = (np.random.default_rng(0).random((24, 32)) * 60_000).astype(np.uint16)

MEDIA = (
    "application/json",
    "application/msgpack",
    "application/vnd.apache.arrow.stream",
    "application/x-npy",
    "text/csv",
    "image/png",
    "image/*;q=0.5, */*;q=0.1",
    "*/*;q=0",
    "text/html",
    ";;;=,q",
)


def _saved(save: Any) -> bytes:
    sink = io.BytesIO()
    save(sink)
    return sink.getvalue()


def _bomb() -> bytes:
    """A PNG of 30 000 x 30 000 black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    side = (30_000).to_bytes(4, "big")
    head = chunk(b"IHDR", side + side + b"\x08\x00\x00\x00\x00")
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")


_npy = _saved(lambda sink: np.save(sink, _image, allow_pickle=False))
_tiff = _saved(lambda sink: Image.fromarray(_image).save(sink, format="TIFF"))
_png = _saved(lambda sink: Image.fromarray((_image >> 8).astype(np.uint8)).save(sink, format="PNG"))
RAW = {"rows": 24, "columns": 32, "dtype": "uint16"}
UPLOADS: tuple[tuple[bytes, dict[str, Any]], ...] = (
    (_npy, {}),
    (_tiff, {}),
    (_image.tobytes(), RAW),
    (_image.tobytes()[:-1], RAW),
    (_npy[:100], {}),
    (_tiff[:-50], {}),
    (_npy.replace(b"<u2", b"|O "), {}),
    (_png, {"filename": "a.png"}),
    (_bomb(), {"filename": "b.png"}),
    (_png, {"filename": "../../etc/passwd.npy"}),
    (_npy, {"filename": "a.npy", "index": 3}),
)
ON_PURPOSE = {"paused"}
"""503 with one of these codes is no failing: an operator has paused the stream, and the answer says so."""
FILES = 0.1
"""Share of uploads that are read as files: each costs a process."""


@schemathesis.check
def no_failing_server(context: Any, response: Any, case: Any) -> bool | None:
    """No 5xx, but a stream that somebody has paused."""
    paused = response.status_code == 503 and response.json().get("code") in ON_PURPOSE
    if paused and "retry-after" in response.headers:
        return None
    return not_a_server_error(context, response, case)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    if case.meta is not None and case.meta.generation.mode != GenerationMode.POSITIVE:
        return  # what is meant to be wrong stays wrong
    if case.operation.label == "POST /v1/frames":
        if case.query and "filename" in case.query and _chance.random() > FILES:
            del case.query["filename"]
        if _chance.random() < 0.6:
            body, query = _chance.choice(UPLOADS)
            if "filename" not in query or _chance.random() < FILES:
                case.body = body
                case.query = {**(case.query or {}), **query}
    elif case.method == "GET" and _chance.random() < 0.5:
        case.headers["Accept"] = _chance.choice(MEDIA)
