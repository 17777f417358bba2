"""What is checked of a frame before anything is stored, each refusal in words a microscopist can act on.

bad-shape      sides that are no picture: zero, negative, too large, not two
bad-dtype      an element type that is not on the list
bad-size       shape, dtype, byte count and the bytes that came do not agree
too-large      more bytes than one frame may have
bad-checksum   the bytes are not those the sender summed up
"""

from __future__ import annotations

import zlib
from typing import Any, get_args

import numpy as np

from paretoscope.contract.frame import MAX_FRAME_BYTES, MAX_SIDE_PX, FrameHeader, PixelType
from paretoscope.errors import BadFrame

PIXEL_TYPES: tuple[str, ...] = get_args(PixelType)


def check_header(fields: dict[str, Any]) -> None:
    """Shape, dtype and size of a frame's header fields, as they came; raises BadFrame."""
    shape, dtype, nbytes = (fields.get(name) for name in ("shape", "dtype", "nbytes"))
    if not isinstance(shape, list) or len(shape) != 2 or not all(type(side) is int for side in shape):
        raise BadFrame("bad-shape", hint=f"'shape' is [rows, columns], two whole numbers, not {shape!r:.60}.")
    rows, columns = shape
    if rows < 1 or columns < 1:
        raise BadFrame("bad-shape", hint=f"A scan of {rows} x {columns} pixels has no picture in it.")
    if max(rows, columns) > MAX_SIDE_PX:
        raise BadFrame(
            "bad-shape",
            hint=f"A scan of {rows} x {columns} pixels is wider than {MAX_SIDE_PX}. Send a smaller region.",
        )
    if not isinstance(dtype, str) or dtype not in PIXEL_TYPES:
        raise BadFrame("bad-dtype", hint=f"Pixels are one of {', '.join(PIXEL_TYPES)}; not {dtype!r:.40}.")
    expected = rows * columns * np.dtype(dtype).itemsize
    if expected > MAX_FRAME_BYTES:
        raise BadFrame(
            "too-large",
            hint=f"{rows} x {columns} {dtype} is {expected} bytes; a frame has at most {MAX_FRAME_BYTES}. "
            "Send a smaller region or a narrower dtype.",
        )
    if type(nbytes) is not int or nbytes != expected:
        raise BadFrame(
            "bad-size",
            hint=f"{rows} x {columns} {dtype} is {expected} bytes; 'nbytes' says {nbytes!r:.40}. "
            "Check the sender's dtype.",
        )


def check_pixels(header: FrameHeader, pixels: bytes | bytearray | memoryview) -> None:
    """That the bytes are those the header promises; raises BadFrame."""
    came = memoryview(pixels).nbytes
    if came != header.nbytes:
        rows, columns = header.shape
        raise BadFrame(
            "bad-size",
            hint=f"The header promises {rows} x {columns} {header.dtype} ({header.nbytes} bytes); "
            f"{came} came. Check the sender's dtype.",
        )
    found = zlib.crc32(pixels)
    if found != header.crc32:
        raise BadFrame(
            "bad-checksum",
            hint=f"CRC-32 of the pixels is {found:#010x}; the header says {header.crc32:#010x}. "
            "They changed on the way, or were summed before they were made little-endian and contiguous.",
            retry=True,
        )
