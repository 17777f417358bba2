"""Recorded images as frames of the simulated instrument: same client, same clock, pixel size from the file.

Whatever detector the file names, the image comes as that of the detector that was asked for.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from paretoscope.errors import BadFile, BadParameters
from paretoscope_sim.sources import Exposure, View

SUFFIXES = (
    ".emd", ".dm3", ".dm4", ".ser", ".tif", ".tiff", ".hspy", ".hdf5", ".h5", ".npy", ".png", ".jpg", ".jpeg",
)  # fmt: skip


class ReadFile(Protocol):
    """What replay needs of a file that was read (``paretoscope.adapters.files.ImageFile``)."""

    @property
    def pixel_size_nm(self) -> tuple[float, float] | None: ...

    @property
    def dwell_us(self) -> float | None: ...

    def frames(self) -> Iterator[NDArray]: ...


def _read(path: Path) -> ReadFile:
    try:
        from paretoscope.adapters.files import read_image
    except ImportError as error:
        raise BadFile(
            "not-installed",
            hint=f"'{error.name}' is missing: pip install 'paretoscope[sim,formats]'.",
        ) from None
    return read_image(path)


def find_files(pattern: str | Path) -> list[Path]:
    """Return the files that a path, a folder or a glob pattern stands for, in order of their names.

    Raises BadFile when there is none.
    """
    path = Path(pattern)
    if path.is_dir():
        found = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES)
    elif path.is_file():
        found = [path]
    else:
        found = sorted(Path(p) for p in glob.glob(str(pattern), recursive=True) if Path(p).is_file())
    if not found:
        raise BadFile("no-such-file", hint=f"No image at '{pattern}': give a file, a folder or a pattern.")
    return found


class ReplaySource:
    """Files, one after the other, a stack as a movie; the instrument's optics have no say.

    pixel_size_nm: for files that do not tell.  loop: begin again after the last frame.
    """

    def __init__(
        self,
        files: list[Path],
        *,
        loop: bool = False,
        pixel_size_nm: float | None = None,
        read: Callable[[Path], ReadFile] = _read,
    ) -> None:
        if not files:
            raise BadParameters("nothing-to-replay", hint="Give at least one file.")
        self._files, self._loop, self._read = files, loop, read
        self._pixel_size_nm = None if pixel_size_nm is None else (pixel_size_nm, pixel_size_nm)
        self._at = -1
        self._now: Exposure | None = None
        self._coming = self._exposures()

    def shape(self, view: View, index: int) -> tuple[int, int]:
        rows, columns = self._frame(index).image.shape
        return rows, columns

    def expose(self, view: View, index: int) -> Exposure:
        """Return the recorded frame; a blanked beam gives nothing. Raises ReplayOver after the last one."""
        frame = self._frame(index)
        dwell_us = view.dwell_us if np.isnan(frame.dwell_us) else frame.dwell_us
        image = frame.image if view.beam_on else np.zeros_like(frame.image)
        return Exposure(image, frame.pixel_size_nm, dwell_us)

    def _frame(self, index: int) -> Exposure:
        while self._at < index:
            self._now = next(self._coming, None)
            if self._now is None:
                raise ReplayOver(hint="The recording is over. Give --loop to play it again and again.")
            self._at += 1
        assert self._now is not None
        return self._now

    def _exposures(self) -> Iterator[Exposure]:
        while True:
            for path in self._files:
                file = self._read(path)
                size = file.pixel_size_nm or self._pixel_size_nm
                dwell_us = float("nan") if file.dwell_us is None else file.dwell_us
                scale: tuple[float, float] | None = None
                for pixels in file.frames():
                    image, scale = as_counts(pixels, scale)
                    yield Exposure(image, size, dwell_us)
            if not self._loop:
                return


class ReplayOver(BadFile):
    """There is no next frame."""

    default_code = "replay-over"


def as_counts(
    pixels: NDArray, scale: tuple[float, float] | None = None
) -> tuple[NDArray[np.uint16], tuple[float, float] | None]:
    """Return pixels as uint16, as the instrument delivers them, and the (low, high) used, None if none was.

    Whole numbers that fit stay as they are. Others are stretched over the full range; the frames of a
    movie share the stretch of its first, so that brightness can be compared. Not-a-number becomes 0.
    """
    if pixels.dtype.kind in "ui" and (pixels.size == 0 or (pixels.min() >= 0 and pixels.max() <= 65535)):
        return pixels.astype(np.uint16), scale
    values = np.nan_to_num(pixels.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    low, high = scale or (float(values.min()), float(values.max()))
    stretched = (values - low) * (65535.0 / (high - low) if high > low else 0.0)
    return np.clip(np.rint(stretched), 0, 65535).astype(np.uint16), (low, high)
