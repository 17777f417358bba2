"""What the store holds: documents of every type, and the arrays within them."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import msgpack
import numpy as np

from chaos.targets.target import Fuzz, golden
from paretoscope import contract
from paretoscope.contract import Document
from paretoscope.contract.arrays import pack_array, unpack_array
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import BadInput, Incompatible

KINDS: list[type[Document]] = sorted(
    {
        one
        for one in vars(contract).values()
        if isinstance(one, type) and issubclass(one, Document) and one is not Document
    },
    key=lambda kind: kind.__name__,
)

EACH_TRACED = 512
"""Every so many documents the memory that reading one takes is measured."""
GROWTH = 256
"""Bytes of memory for a byte that came: an empty map is 1 byte packed and 64 unpacked, pydantic keeps two."""
ROOM_BYTES = 1_000_000


def document_seeds() -> list[bytes]:
    names = [kind.__name__ for kind in KINDS]
    seeds = []
    for packed in golden("document").values():
        name = msgpack.unpackb(packed, ext_hook=msgpack.ExtType)["schema"]
        seeds.append(bytes([names.index(name)]) + packed)
    return seeds


def document() -> Fuzz:
    count = 0

    def fuzz(data: bytes) -> None:
        nonlocal count
        if not data:
            return
        kind, count = KINDS[data[0] % len(KINDS)], count + 1
        traced = count % EACH_TRACED == 0
        if traced:
            tracemalloc.start()
        try:
            with suppress(BadInput, Incompatible):
                packed = pack(unpack(memoryview(data)[1:], kind))
                assert pack(unpack(packed, kind)) == packed
            if traced:
                most = tracemalloc.get_traced_memory()[1]
                assert most < ROOM_BYTES + GROWTH * len(data), f"{most} bytes for {len(data)}"
        finally:
            if traced:
                tracemalloc.stop()

    return fuzz


def array() -> Fuzz:
    def fuzz(data: bytes) -> None:
        with suppress(BadInput):
            array = unpack_array(data)
            assert array.nbytes < len(data)
            again = unpack_array(pack_array(array).data)
            assert again.dtype == array.dtype
            assert again.shape == array.shape
            assert again.tobytes() == array.tobytes()

    return fuzz


def array_seeds() -> list[bytes]:
    made = [np.zeros(0, np.float32), np.arange(6, dtype=np.int16).reshape(2, 3), np.array(True)]
    return [pack_array(one).data for one in made]
