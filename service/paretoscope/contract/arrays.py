"""A numpy array as one msgpack extension, and nothing that could run code when read.

    ext type 1:  msgpack array [dtype name, [dimension, ...]]  |  elements, little-endian, C order

    float32 (2, 3)   c7 24 01  92 a7 'float32' 92 02 03  <24 bytes>

The dtype is one of ``DTYPES`` (never an object type); every dimension is 0 or more; the elements fill the
rest of the extension exactly.
"""

from __future__ import annotations

import math

import msgpack
import numpy as np

from paretoscope.errors import BadInput

ARRAY_EXT = 1
"""msgpack extension type of an array."""

DTYPES = frozenset(
    {
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float32",
        "float64",
    }
)
MAX_DIMENSIONS = 8
MAX_SIDE = 2**31 - 1


def pack_array(array: np.ndarray) -> msgpack.ExtType:
    """Any strides and byte order in; BadInput for a dtype that is not in ``DTYPES``."""
    name = array.dtype.name
    if name not in DTYPES:
        raise BadInput("bad-array", hint=f"Arrays of {array.dtype} cannot be packed; use one of {_names()}.")
    if array.ndim > MAX_DIMENSIONS:
        raise BadInput(
            "bad-array", hint=f"An array has at most {MAX_DIMENSIONS} dimensions, not {array.ndim}."
        )
    head: bytes = msgpack.packb([name, list(array.shape)])  # type: ignore[assignment]
    return msgpack.ExtType(
        ARRAY_EXT, head + array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
    )


def unpack_array(data: bytes) -> np.ndarray:
    """A new, writable array in native byte order; BadInput for anything but what ``pack_array`` makes."""
    reader = msgpack.Unpacker(max_buffer_size=len(data), max_array_len=MAX_DIMENSIONS, max_map_len=0)
    reader.feed(data[:256])
    try:
        name, shape = reader.unpack()
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise BadInput("bad-array", hint="An array starts with [dtype name, [dimensions]].") from error
    if not isinstance(name, str) or name not in DTYPES:
        raise BadInput("bad-array", hint=f"An array's dtype is one of {_names()}, not {name!r:.40}.")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n <= MAX_SIDE for n in shape):
        raise BadInput(
            "bad-array", hint=f"An array's dimensions are whole numbers, 0 or more, not {shape!r:.80}."
        )
    dtype = np.dtype(name).newbyteorder("<")
    start, expected = reader.tell(), math.prod(shape) * dtype.itemsize
    if len(data) - start != expected:
        raise BadInput(
            "bad-array",
            hint=f"An array of {name} {tuple(shape)} is {expected} bytes; {len(data) - start} came.",
        )
    elements = np.frombuffer(data, dtype, offset=start) if expected else np.empty(0, dtype)
    try:
        return elements.reshape(shape).astype(dtype.newbyteorder("="), copy=True)
    except ValueError as error:  # numpy bounds the product of the sides even where one of them is 0
        raise BadInput("bad-array", hint=f"An array of shape {tuple(shape)} cannot be made.") from error


def _names() -> str:
    return ", ".join(sorted(DTYPES))
