"""From a path to an `ImageFile`: which reader, which limits, and one kind of error."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from paretoscope.adapters.files.image_file import ImageFile, ImageSource, load_frame
from paretoscope.adapters.files.sidecar import read_sidecar, sidecar_pixel_size
from paretoscope.errors import BadFile, ParetoscopeError, TooLarge

_HERE = "paretoscope.adapters.files"
_READERS = {
    ".emd": f"{_HERE}.vendor:read_emd",
    ".dm3": f"{_HERE}.vendor:read_dm",
    ".dm4": f"{_HERE}.vendor:read_dm",
    ".ser": f"{_HERE}.vendor:read_ser",
    ".mrc": f"{_HERE}.vendor:read_mrc",
    ".tif": f"{_HERE}.tiff:read_tiff",
    ".tiff": f"{_HERE}.tiff:read_tiff",
    ".hspy": f"{_HERE}.hdf5:read_hdf5",
    ".hdf5": f"{_HERE}.hdf5:read_hdf5",
    ".h5": f"{_HERE}.hdf5:read_hdf5",
    ".hdf": f"{_HERE}.hdf5:read_hdf5",
    ".nxs": f"{_HERE}.hdf5:read_hdf5",
    ".npy": f"{_HERE}.plain:read_npy",
    ".npz": f"{_HERE}.plain:read_npz",
    ".png": f"{_HERE}.plain:read_picture",
    ".jpg": f"{_HERE}.plain:read_picture",
    ".jpeg": f"{_HERE}.plain:read_picture",
}
SUFFIXES = tuple(_READERS)
"""Every file name ending that `read_image` knows, in small letters."""


def read_image(path: str | Path, index: int = 0) -> ImageFile:
    """Read the image or stack in `path`, its pixel size and what else the file says.

    index: which image of a stack `image` is to be.

    The pixel size comes from the file; where the file is silent, from a .json of the same name beside it.
    Only the first frame is loaded; ``ImageFile.frames()`` reads the others one by one.

    Raises BadFile (no-such-file, not-a-file, empty-file, unknown-format, unreadable-file, truncated-file,
    not-an-image, no-such-image, diffraction) and TooLarge (file-too-large). Nothing is ever unpickled.
    """
    path = Path(path)
    _check_path(path)
    reader = _reader(path)
    try:
        source = reader(path)
    except ParetoscopeError:
        raise
    except MemoryError as error:
        raise TooLarge(
            "file-too-large", hint=f"{path.name} does not fit in memory. Crop or bin it."
        ) from error
    except Exception as error:  # foreign readers raise anything; none of it may pass this edge
        kind = path.suffix.lower().lstrip(".")
        raise BadFile(
            "unreadable-file",
            hint=f"{path.name} cannot be read as {kind} ({type(error).__name__}: {_first_line(error)}). "
            "It may be cut short or of another kind: copy it again, or export it anew.",
        ) from error
    if not 0 <= index < source.shape[0]:
        raise BadFile(
            "no-such-image",
            hint=f"{path.name} has images 0 to {source.shape[0] - 1}; {index} was asked.",
        )
    image = load_frame(source, index, path)
    shape = (image.shape[0], image.shape[1])
    size, notes = source.pixel_size_nm, source.notes
    if size is None:
        size = sidecar_pixel_size(read_sidecar(path), shape)
        notes = (*notes, f"The pixel size is from {path.with_suffix('.json').name}.") if size else notes
    return ImageFile(
        image=image,
        path=path,
        pixel_size_nm=size,
        dwell_us=source.dwell_us,
        detector=source.detector,
        instrument=source.instrument,
        title=source.title,
        notes=notes,
        frame_count=source.shape[0],
        index=index,
        _source=source,
    )


def _check_path(path: Path) -> None:
    if not path.exists():
        raise BadFile("no-such-file", hint=f"There is no file {path}. Check the name.")
    if not path.is_file():
        raise BadFile("not-a-file", hint=f"{path} is a folder or a device. Name the files themselves.")
    if path.stat().st_size == 0:
        raise BadFile("empty-file", hint=f"{path.name} has no bytes. Copy it again.")


def _reader(path: Path) -> Callable[[Path], ImageSource]:
    where = _READERS.get(path.suffix.lower())
    if where is None:
        known = ", ".join(suffix.lstrip(".") for suffix in SUFFIXES)
        raise BadFile("unknown-format", hint=f"{path.name} is of no kind read here. Known endings: {known}.")
    module, name = where.split(":")
    try:
        return getattr(import_module(module), name)
    except ModuleNotFoundError as error:
        raise BadFile(
            "reader-missing",
            hint=f"Reading {path.suffix} needs {error.name}: run 'pip install paretoscope[formats]'.",
        ) from error


def _first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0][:160]
