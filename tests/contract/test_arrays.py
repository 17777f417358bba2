"""Arrays as one msgpack extension: exact, bounded, never code."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contract.documents import arrays, same
from paretoscope.contract.arrays import ARRAY_EXT, pack_array, unpack_array
from paretoscope.errors import BadInput


@settings(deadline=None)
@given(arrays)
def test_any_array_comes_back_bit_for_bit(array):
    assert same(unpack_array(pack_array(array).data), array)


@pytest.mark.parametrize(
    "view",
    [
        lambda a: a[::-1, ::2],
        lambda a: a.T,
        lambda a: np.asfortranarray(a),
        lambda a: a.astype(">f4"),
        lambda a: np.broadcast_to(a[0], a.shape),
    ],
)
def test_strides_and_byte_order_do_not_matter(view):
    array = view(np.arange(24, dtype=np.float32).reshape(4, 6))
    back = unpack_array(pack_array(array).data)
    assert np.array_equal(back, array)
    assert back.flags.c_contiguous
    assert back.flags.writeable
    assert back.dtype.isnative


@pytest.mark.parametrize(
    "array", [np.array([object()]), np.array(["a"]), np.zeros(2, complex), np.zeros(2, "M8[s]")]
)
def test_elements_that_are_no_plain_numbers_are_not_packed(array):
    with pytest.raises(BadInput, match="cannot be packed"):
        pack_array(array)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        msgpack.packb(["object", [1]]) + bytes(8),
        msgpack.packb(["float32", [-1]]),
        msgpack.packb(["float32", [-1, -1]]) + bytes(4),
        msgpack.packb(["float32", [2.0]]) + bytes(8),
        msgpack.packb(["float32", [True]]) + bytes(4),
        msgpack.packb(["float32", [3]]) + bytes(8),
        msgpack.packb(["float32", [1] * 9]) + bytes(4),
        msgpack.packb(["float32", [2**40]]),
        msgpack.packb(["float32", [0, 2**31 - 1, 2**31 - 1, 2**31 - 1]]),
        msgpack.packb(["float32", 4]) + bytes(16),
        msgpack.packb([["float32"], [4]]) + bytes(16),
        msgpack.packb({"dtype": "float32"}),
        msgpack.packb(["float32"]),
    ],
)
def test_an_array_that_does_not_add_up_is_refused(data):
    with pytest.raises(BadInput, match="bad-array"):
        unpack_array(data)


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_any_bytes_are_an_array_or_refused(data):
    try:
        array = unpack_array(data)
    except BadInput:
        return
    assert pack_array(array).code == ARRAY_EXT
