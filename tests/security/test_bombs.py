"""Small bodies that unpack to gigabytes are refused before they do."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import httpx
import numpy as np
import pytest
import tifffile

from paretoscope.adapters.store import Store
from paretoscope.api.ingest import RawLayout, UnsupportedMedia, decode_image
from paretoscope.api.server import ApiServer
from serving import api  # noqa: F401

MIB = 1024 * 1024


def zeros(mib: int) -> bytes:
    """So many MiB of zeros, deflated to a thousandth."""
    packer = zlib.compressobj(9)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mib)), packer.flush()])


def tiff(rows: int, columns: int, strip: bytes, compression: int = 8) -> bytes:
    """A TIFF of one 8-bit strip that holds whatever is given."""
    tags = {256: columns, 257: rows, 258: 8, 259: compression, 262: 1, 273: 0, 277: 1, 278: rows}
    tags |= {279: len(strip)}
    start = 8 + 2 + 12 * len(tags) + 4
    told = b"".join(
        struct.pack("<HHII", tag, 4, 1, start if tag == 273 else value) for tag, value in tags.items()
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + told + bytes(4) + strip


def png(side: int, data: bytes) -> bytes:
    def chunk(kind: bytes, told: bytes) -> bytes:
        return struct.pack(">I", len(told)) + kind + told + struct.pack(">I", zlib.crc32(kind + told))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def npz(rows: int, told_rows: int) -> bytes:
    """An archive whose array's header says `told_rows` and which holds `rows`."""
    sink, inner = io.BytesIO(), io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (told_rows, 4096)}
    np.lib.format.write_array_header_1_0(inner, header)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("image.npy", inner.getvalue() + bytes(rows * 4096))
    return sink.getvalue()


def test_a_strip_that_unpacks_to_far_too_much_takes_no_memory(tmp_path: Path) -> None:
    (tmp_path / "bomb.tif").write_bytes(tiff(64, 64, zeros(256)))
    code = (
        "import sys, resource\n"
        "from pathlib import Path\n"
        "from paretoscope.api.ingest import RawLayout, decode_image\n"
        "import tifffile\n"
        "from paretoscope.errors import BadFrame\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    decode_image(Path(sys.argv[1]).read_bytes(), 'image/tiff', RawLayout())\n"
        "except BadFrame as error:\n    print(error.code)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "bomb.tif")]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert told[0] == "unpacks-too-large"
    assert int(told[1]) < 100, "MiB"


@pytest.mark.parametrize("way", [{}, {"compression": "zlib"}, {"compression": "zlib", "tile": (16, 16)}])
def test_honest_compression_is_read(way: dict) -> None:
    image = np.arange(48 * 40, dtype=np.uint16).reshape(48, 40)
    sink = io.BytesIO()
    tifffile.imwrite(sink, image, **way)
    assert np.array_equal(decode_image(sink.getvalue(), "image/tiff", RawLayout()), image)


def test_compression_that_cannot_be_bounded_is_left_to_the_reader_apart() -> None:
    with pytest.raises(UnsupportedMedia, match="filename"):
        decode_image(tiff(64, 64, b"x" * 64, compression=34925), "image/tiff", RawLayout())


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("a.png", png(30_000, zeros(64))),
        ("wide.png", png(2_000, zeros(128))),
        ("a.tif", tiff(60_000, 60_000, zeros(8))),
        ("strip.tif", tiff(64, 64, zeros(128))),
        ("a.npz", npz(8, 2_000_000)),
        ("b.npz", npz(100_000, 8)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_file_that_would_be_gigabytes_is_refused_or_cut_and_the_service_goes_on(
    api: ApiServer,  # noqa: F811
    store: Store,
    name: str,
    body: bytes,
) -> None:
    answer = httpx.post(
        f"{api.url}/v1/frames", params={"filename": name}, content=body, timeout=90.0, trust_env=False
    )
    assert answer.status_code in (202, 413, 422), answer.text
    if answer.status_code == 202:  # no more than it said it holds was taken from it
        image = store.pixels(answer.json()["frame_id"])
        assert image.nbytes <= 16 * MIB
    assert httpx.get(f"{api.url}/healthz", trust_env=False).status_code == 200
