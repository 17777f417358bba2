"""An image as the bytes and header fields that go on the wire."""

from __future__ import annotations

import math
import zlib
from typing import Any, TypeVar

import numpy as np
from pydantic import ValidationError

from paretoscope.contract import FrameHeader
from paretoscope.contract.codec import first_complaint
from paretoscope.contract.frame import MAX_FRAME_BYTES
from paretoscope.contract.wire_checks import PIXEL_TYPES, check_header
from paretoscope.errors import BadFrame

H = TypeVar("H", bound=FrameHeader)


def wire_bytes(image: Any) -> tuple[bytes, tuple[int, int], str]:
    """A copy of `image` as (bytes, (rows, columns), dtype): row by row, little-endian.

    image: 2-D, any strides and byte order; float16 becomes float32, truth values uint8.
    Raises BadFrame for what is no image of a dtype on the list.
    """
    array = np.asarray(image)
    if array.ndim != 2 or 0 in array.shape:
        raise BadFrame("bad-shape", hint=f"An image is (rows, columns); this has shape {array.shape}.")
    widened = {"bool": np.uint8, "float16": np.float32}.get(array.dtype.name)
    array = array if widened is None else array.astype(widened)
    if array.dtype.name not in PIXEL_TYPES:
        raise BadFrame(
            "bad-dtype", hint=f"Pixels are one of {', '.join(PIXEL_TYPES)}; not {array.dtype}. Convert them."
        )
    if array.nbytes > MAX_FRAME_BYTES:
        raise BadFrame("too-large", hint=f"{array.nbytes} bytes; a frame has at most {MAX_FRAME_BYTES}.")
    ordered = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return ordered.tobytes(), (array.shape[0], array.shape[1]), array.dtype.name


def planned(shape: Any, dtype: Any) -> tuple[tuple[int, int], str]:
    """(rows, columns) and dtype of a frame to come, as a header has them. Raises BadFrame where it cannot."""
    try:
        sides, kind = [int(side) for side in shape], np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise BadFrame(
            "bad-shape", hint=f"Begin with (rows, columns) and a dtype; not {shape!r:.60}, {dtype!r:.40}."
        ) from error
    check_header({"shape": sides, "dtype": kind.name, "nbytes": math.prod(sides) * kind.itemsize})
    return (sides[0], sides[1]), kind.name


def header_for(
    stream: str,
    epoch: str,
    sequence: int,
    shape: tuple[int, int],
    dtype: str,
    meta: dict[str, Any],
    kind: type[H] = FrameHeader,
) -> H:
    """The header without its checksum (see ``with_checksum``). meta: further fields of ``FrameHeader``;
    pixel_size_nm may be one number for square pixels. Raises BadFrame naming the field that does not fit."""
    size = meta.get("pixel_size_nm")
    if isinstance(size, int | float):
        meta = {**meta, "pixel_size_nm": (float(size), float(size))}
    elif isinstance(size, list):
        meta = {**meta, "pixel_size_nm": tuple(size)}
    unknown = sorted(set(meta) - set(FrameHeader.model_fields))
    if unknown:
        raise BadFrame("bad-header", hint=f"A frame header has no field {', '.join(unknown)}.")
    fixed = {
        "stream": stream,
        "epoch": epoch,
        "sequence": sequence,
        "shape": shape,
        "dtype": dtype,
        "nbytes": shape[0] * shape[1] * np.dtype(dtype).itemsize,
        "crc32": 0,
    }
    try:
        return kind.model_validate({**meta, **fixed})
    except ValidationError as error:
        raise BadFrame("bad-header", hint=first_complaint(error)) from error


def with_checksum(header: FrameHeader, pixels: bytes | memoryview) -> FrameHeader:
    return header.model_copy(update={"crc32": zlib.crc32(pixels)})
