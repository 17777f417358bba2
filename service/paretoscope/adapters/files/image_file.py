"""What a file gives: an image or a stack of images, and what is known about it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from paretoscope.contract.frame import MAX_FRAME_BYTES, MAX_SIDE_PX
from paretoscope.errors import BadFile, ParetoscopeError, TooLarge

PixelSize = tuple[float, float]
"""(y, x), nm."""

LEAST_SIDE_PX = 8
"""Anything narrower is a table or a spectrum."""
_CARRIED = ("uint8", "uint16", "uint32", "int16", "int32", "float32", "float64")
_WIDENED = {"bool": "uint8", "int8": "int16", "float16": "float32", "int64": "float64", "uint64": "float64"}


@dataclass(frozen=True)
class ImageSource:
    """A stack as a reader found it, not loaded yet."""

    shape: tuple[int, int, int]
    """(frames, rows, columns)."""
    read: Callable[[int], np.ndarray]
    """Frame index -> (rows, columns)."""
    pixel_size_nm: PixelSize | None = None
    dwell_us: float | None = None
    detector: str | None = None
    instrument: str | None = None
    title: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImageFile:
    """One file. `image` is one frame of it, the first unless another was asked for; `frames()` runs over all,
    one in memory at a time."""

    image: np.ndarray
    """(rows, columns), C order, of a dtype that a frame header can carry."""
    path: Path
    pixel_size_nm: PixelSize | None = None
    """(y, x), nm; None where the file does not say."""
    dwell_us: float | None = None
    detector: str | None = None
    instrument: str | None = None
    title: str | None = None
    notes: tuple[str, ...] = ()
    """What the reader chose or could not find, one sentence each."""
    frame_count: int = 1
    index: int = 0
    """Which of them `image` is."""
    _source: ImageSource | None = field(default=None, repr=False, compare=False)

    def frames(self) -> Iterator[np.ndarray]:
        """Every frame in order, (rows, columns) each; raises BadFile where the file breaks off."""
        for index in range(self.frame_count):
            if index == self.index:
                yield self.image
                continue
            assert self._source is not None
            yield load_frame(self._source, index, self.path)


def check_frame_size(rows: int, columns: int, itemsize: int, path: Path) -> None:
    """Refuse a frame beyond the limits of the frame header before anything is allocated."""
    if rows > MAX_SIDE_PX or columns > MAX_SIDE_PX or rows * columns * itemsize > MAX_FRAME_BYTES:
        raise TooLarge(
            "file-too-large",
            hint=f"{path.name} holds a frame of {rows} x {columns} px; the limit is {MAX_SIDE_PX} px a side "
            f"and {MAX_FRAME_BYTES // 2**20} MiB a frame. Crop or bin it.",
        )


def load_frame(source: ImageSource, index: int, path: Path) -> np.ndarray:
    """One frame in memory, in native byte order and a dtype that the frame header carries."""
    _, rows, columns = source.shape
    check_frame_size(rows, columns, 1, path)
    try:
        pixels = np.asarray(source.read(index))
    except ParetoscopeError:
        raise
    except MemoryError as error:
        raise TooLarge(
            "file-too-large", hint=f"{path.name} does not fit in memory. Crop or bin it."
        ) from error
    except Exception as error:  # foreign readers raise anything; none of it may pass this edge
        raise BadFile(
            "truncated-file",
            hint=f"Frame {index} of {path.name} cannot be read ({type(error).__name__}: {error}). "
            "Copy the file again, or export it anew.",
        ) from error
    return as_carried(pixels, path)


def as_carried(pixels: np.ndarray, path: Path) -> np.ndarray:
    """`pixels` as a 2-D array of a dtype in ``contract.frame.PixelType``; BadFile for complex or text."""
    if pixels.ndim != 2 or min(pixels.shape) < LEAST_SIDE_PX:
        shape = " x ".join(map(str, pixels.shape)) or "a single number"
        raise BadFile(
            "not-an-image",
            hint=f"{path.name} holds {shape}; an image has at least {LEAST_SIDE_PX} rows and columns.",
        )
    kind = pixels.dtype.newbyteorder("=").name
    kind = _WIDENED.get(kind, kind)
    if kind not in _CARRIED:
        raise BadFile(
            "not-an-image",
            hint=f"{path.name} holds {pixels.dtype} values; an image has real pixels. Export its magnitude.",
        )
    check_frame_size(pixels.shape[0], pixels.shape[1], np.dtype(kind).itemsize, path)
    return np.ascontiguousarray(pixels, dtype=kind)


def as_pixel_size(y_nm: float | None, x_nm: float | None) -> PixelSize | None:
    """Both steps as a pair, or None unless both are positive and finite."""
    if y_nm is None or x_nm is None:
        return None
    y_nm, x_nm = float(y_nm), float(x_nm)
    return (y_nm, x_nm) if 0 < y_nm < math.inf and 0 < x_nm < math.inf else None
