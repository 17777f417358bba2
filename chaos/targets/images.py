"""What is uploaded and opened: arrays, TIFF and other pictures."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from chaos.targets.target import Fuzz
from paretoscope.contract.frame import MAX_FRAME_BYTES, MAX_SIDE_PX
from paretoscope.errors import ParetoscopeError


def _saved(save: Callable[[io.BytesIO], Any]) -> bytes:
    sink = io.BytesIO()
    save(sink)
    return sink.getvalue()


def image() -> Fuzz:
    from paretoscope.api.ingest import PIXEL_TYPES, TIFF_MAGICS, RawLayout, decode_image

    layouts = [
        RawLayout(),
        RawLayout(3, 4, "uint16"),
        RawLayout(2**40, 2**40, "float64"),
        RawLayout(1, 8, "x"),
    ]
    kinds = [None, "application/x-npy", "application/octet-stream", "image/png"]

    def fuzz(data: bytes) -> None:
        body = data[1:]
        if not data or body.startswith(TIFF_MAGICS):
            return
        with suppress(ParetoscopeError):
            image = decode_image(body, kinds[data[0] % 4], layouts[data[0] // 4 % 4])
            assert image.ndim == 2
            assert image.dtype.name in PIXEL_TYPES
            assert image.flags.c_contiguous
            assert image.nbytes <= 2 * len(body)

    return fuzz


def image_seeds() -> list[bytes]:
    made = [np.zeros((3, 4), kind) for kind in ("u1", "<u2", ">f4", "f8", "?", "i8", "f2")]
    made += [np.asfortranarray(np.arange(12, dtype=np.int16).reshape(3, 4)), np.zeros((2, 3, 4))]
    seeds = [b"\x01" + _saved(lambda sink, one=one: np.save(sink, one, allow_pickle=False)) for one in made]
    return [*seeds, b"\x06" + bytes(24), b"\x04" + bytes(24)]


def _within(image: np.ndarray) -> None:
    assert image.ndim == 2
    assert max(image.shape) <= MAX_SIDE_PX
    assert image.nbytes <= 2 * MAX_FRAME_BYTES


def tiff() -> Fuzz:
    import tifffile

    from paretoscope.api.ingest import RawLayout, decode_image

    assert tifffile  # here and not at the first image, so that it is watched

    def fuzz(data: bytes) -> None:
        with suppress(ParetoscopeError):
            _within(decode_image(data, "image/tiff", RawLayout()))

    return fuzz


def tiff_seeds() -> list[bytes]:
    import tifffile

    image = np.arange(48, dtype=np.uint16).reshape(6, 8)
    ways: tuple[dict[str, Any], ...] = (
        {},
        {"compression": "zlib"},
        {"tile": (16, 16)},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"compression": "lzw", "predictor": True},
    )
    seeds = []
    for way in ways:
        with suppress(Exception):  # a compression that needs what is not installed
            seeds.append(_saved(lambda sink, way=way: tifffile.imwrite(sink, image, **way)))
    return seeds


ENDINGS = (".png", ".jpg", ".npz", ".tif", ".npy")


def picture() -> Fuzz:
    from PIL import Image

    from paretoscope.adapters.files import plain, tiff
    from paretoscope.adapters.files.read import read_image

    assert plain
    assert tiff  # here and not at the first image, so that they are watched
    Image.preinit()

    # In memory where there is such a place: a file a run would wear out a disk.
    shm = Path("/dev/shm")
    folder = tempfile.TemporaryDirectory(prefix="ps-chaos-", dir=shm if os.access(shm, os.W_OK) else None)

    def fuzz(data: bytes) -> None:
        if not data:
            return
        path = Path(folder.name) / f"file{ENDINGS[data[0] % len(ENDINGS)]}"
        path.write_bytes(data[1:])
        with suppress(ParetoscopeError):
            _within(read_image(path).image)

    return fuzz


def picture_seeds() -> list[bytes]:
    from PIL import Image

    grey = np.arange(1024, dtype=np.uint16).reshape(32, 32)
    small = Image.fromarray((grey % 251).astype(np.uint8))
    colour = Image.merge("RGB", (small, small, small))
    saved = [(0, small, "PNG"), (0, Image.fromarray(grey), "PNG"), (0, colour, "PNG"), (1, small, "JPEG")]
    saved += [(1, colour, "JPEG"), (3, small, "TIFF")]
    seeds = [bytes([at]) + _saved(lambda s, i=one, k=k: i.save(s, format=k)) for at, one, k in saved]
    seeds.append(b"\x02" + _saved(lambda s: np.savez_compressed(s, image=grey, sampling=np.array([0.1]))))
    seeds.append(b"\x04" + _saved(lambda s: np.save(s, grey, allow_pickle=False)))
    return [*seeds, *(b"\x03" + one for one in tiff_seeds())]
