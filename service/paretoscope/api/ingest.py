"""An uploaded image, checked before anything is allocated: npy, TIFF or raw pixels -> a C-ordered array."""

from __future__ import annotations

import io
import math
import zlib
from dataclasses import dataclass
from tokenize import TokenError
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.contract.frame import MAX_FRAME_BYTES, MAX_SIDE_PX
from paretoscope.errors import BadFile, BadFrame, ParetoscopeError, TooLarge

if TYPE_CHECKING:
    import tifffile

NPY_MAGIC = b"\x93NUMPY"
TIFF_MAGICS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
OTHER_MAGICS = {
    b"\x89PNG\r\n\x1a\n": "a PNG",
    b"\xff\xd8\xff": "a JPEG",
    b"GIF8": "a GIF",
    b"\x89HDF\r\n\x1a\n": "an HDF5 file (EMD, hspy, ...)",
    b"PK\x03\x04": "a ZIP archive (npz, zspy, ...)",
    b"\0\0\0\3\0\0": "a DM3 file",
    b"\0\0\0\4\0\0": "a DM4 file",
    b"II\x97\x01": "a SER file",
}
"""How files begin that people send by mistake; as raw pixels they would be noise."""
MAX_NPY_HEADER = 4096

PIXEL_TYPES = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64")
_ONE_OF = f"one of {', '.join(PIXEL_TYPES)}"
_WIDENED = {"bool": "uint8", "int8": "int16", "float16": "float32", "int64": "float64", "uint64": "float64"}


class UnsupportedMedia(ParetoscopeError):
    status = 415
    default_code = "unsupported-media"


@dataclass(frozen=True)
class RawLayout:
    """How raw pixels are to be read; None where the request does not say."""

    rows: int | None = None
    columns: int | None = None
    dtype: str | None = None


def decode_image(body: bytes, content_type: str | None, raw: RawLayout) -> np.ndarray:
    """(rows, columns) of a pixel type, C order, native byte order.

    The bytes' own signature counts; `content_type` decides only where there is none.
    Raises BadFile or BadFrame (what came is not a usable image), TooLarge, UnsupportedMedia.
    """
    if not body:
        raise BadFrame("empty-body", hint="The body is empty; send the image as npy, TIFF or raw pixels.")
    if body.startswith(NPY_MAGIC):
        return _settled(_from_npy(body))
    if body.startswith(TIFF_MAGICS):
        return _settled(_from_tiff(body))
    kind = (content_type or "").split(";")[0].strip().lower()
    other = next((what for magic, what in OTHER_MAGICS.items() if body.startswith(magic)), None)
    if other is not None and not _fits(len(body), raw):
        raise UnsupportedMedia(
            hint=f"The body is {other}. Say so by its name (?filename=image.dm4) to have it read; "
            "without a name the body is npy, TIFF or raw pixels."
        )
    if kind == "application/x-npy":
        raise BadFile("not-npy", hint="The body does not start like an npy file; was it sent whole?")
    if kind == "image/tiff":
        raise BadFile("not-tiff", hint="The body does not start like a TIFF file; was it sent whole?")
    if kind in ("", "application/octet-stream"):
        return _settled(_from_raw(body, raw))
    raise UnsupportedMedia(
        hint=f"Send application/x-npy, image/tiff or application/octet-stream (raw), not {kind[:80]!r}."
    )


def _fits(length: int, raw: RawLayout) -> bool:
    """Whether a body of `length` bytes may be the raw pixels that the request describes."""
    if raw.rows is None or raw.columns is None or raw.dtype not in PIXEL_TYPES:
        return False
    return length == raw.rows * raw.columns * np.dtype(raw.dtype).itemsize


def check_shape(shape: tuple[int, ...], itemsize: int) -> None:
    if len(shape) != 2:
        raise BadFrame(
            "bad-image-shape",
            hint=f"An image is (rows, columns), this is {tuple(shape)}. Send one grey image per request.",
        )
    if min(shape) < 1:
        raise BadFrame("bad-image-shape", hint=f"Shape {tuple(shape)} has no pixels.")
    nbytes = math.prod(shape) * itemsize
    if max(shape) > MAX_SIDE_PX or nbytes > MAX_FRAME_BYTES:
        raise TooLarge(
            hint=f"{shape[0]} x {shape[1]} px ({nbytes} bytes) is beyond {MAX_SIDE_PX} px a side "
            f"or {MAX_FRAME_BYTES} bytes. Crop or bin the image, or send uint16."
        )


def _settled(image: np.ndarray) -> np.ndarray:
    name = _WIDENED.get(image.dtype.name, image.dtype.name)
    if name not in PIXEL_TYPES:
        raise BadFrame(
            "bad-image-type",
            hint=f"Pixels of {image.dtype} are not intensities; send one of {', '.join(PIXEL_TYPES)}.",
        )
    return np.ascontiguousarray(image, dtype=np.dtype(name))


def _from_npy(body: bytes) -> np.ndarray:
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        if version not in ((1, 0), (2, 0)):
            raise ValueError(f"version {version}")
        shape, fortran, dtype = read(stream, max_header_size=MAX_NPY_HEADER)
    except (ValueError, TypeError, OverflowError, SyntaxError, TokenError) as error:
        raise BadFile("bad-npy", hint=f"The npy header cannot be read ({str(error)[:160]}).") from error
    if dtype.hasobject or dtype.kind not in "biuf":
        raise BadFrame(
            "bad-image-type",
            hint=f"The npy file holds {str(dtype)[:80]}, not numbers; save real pixels without pickle.",
        )
    check_shape(shape, dtype.itemsize)
    expected, came = math.prod(shape) * dtype.itemsize, len(body) - stream.tell()
    if expected != came:
        raise BadFrame(
            "truncated" if came < expected else "too-long",
            hint=f"The npy header promises {shape[0]} x {shape[1]} {dtype} ({expected} bytes); {came} came.",
        )
    pixels = np.frombuffer(body, dtype, offset=stream.tell())
    return pixels.reshape(shape, order="F" if fortran else "C")


def _from_tiff(body: bytes) -> np.ndarray:
    import tifffile

    try:
        with tifffile.TiffFile(io.BytesIO(body)) as file:
            if len(file.pages) != 1:
                raise BadFrame(
                    "bad-image-shape", hint=f"The TIFF holds {len(file.pages)} images; send one per request."
                )
            page = file.pages[0]
            assert isinstance(page, tifffile.TiffPage)
            if page.dtype is None:
                raise BadFrame("bad-image-type", hint="The TIFF does not say what its pixels are.")
            check_shape(page.shape, page.dtype.itemsize)
            _check_compression(file, page)
            return page.asarray(maxworkers=1)
    except ParetoscopeError:
        raise
    except Exception as error:  # tifffile raises whatever a broken file makes its decoders raise
        raise BadFile(
            "bad-tiff", hint=f"The TIFF cannot be read ({type(error).__name__}: {str(error)[:160]})."
        ) from error


def _check_compression(file: tifffile.TiffFile, page: tifffile.TiffPage) -> None:
    """That no strip or tile unpacks to more than it may hold; what cannot be bounded so is not read here."""
    import tifffile

    if page.compression == tifffile.COMPRESSION.NONE:
        return
    if page.compression not in (tifffile.COMPRESSION.ADOBE_DEFLATE, tifffile.COMPRESSION.DEFLATE):
        raise UnsupportedMedia(
            hint=f"The TIFF is compressed by method {int(page.compression)}. Say its name (?filename=a.tif) "
            "to have it read as a file, or save it uncompressed or with deflate."
        )
    assert page.dtype is not None
    most = min(math.prod(page.chunks) * page.dtype.itemsize, MAX_FRAME_BYTES)
    for part, _ in file.filehandle.read_segments(page.dataoffsets, page.databytecounts):
        if isinstance(part, bytes) and len(zlib.decompressobj().decompress(part, most + 1)) > most:
            raise BadFrame(
                "unpacks-too-large",
                hint=f"A strip or tile of the TIFF unpacks to more than the {most} bytes that it may hold.",
            )


def _from_raw(body: bytes, raw: RawLayout) -> np.ndarray:
    if raw.rows is None or raw.columns is None or raw.dtype is None:
        raise BadFrame(
            "no-layout",
            hint="Raw pixels need ?rows=, ?columns= and ?dtype= (little-endian, row by row), e.g. "
            "?rows=512&columns=512&dtype=uint16; npy and TIFF bring their own.",
        )
    if raw.dtype not in PIXEL_TYPES:
        raise BadFrame("bad-image-type", hint=f"dtype is {_ONE_OF}, not {raw.dtype[:40]!r}.")
    dtype = np.dtype(raw.dtype).newbyteorder("<")
    check_shape((raw.rows, raw.columns), dtype.itemsize)
    expected = raw.rows * raw.columns * dtype.itemsize
    if len(body) != expected:
        raise BadFrame(
            "truncated" if len(body) < expected else "too-long",
            hint=f"{raw.rows} x {raw.columns} {raw.dtype} is {expected} bytes; {len(body)} came. Check both.",
        )
    return np.frombuffer(body, dtype).reshape(raw.rows, raw.columns)
