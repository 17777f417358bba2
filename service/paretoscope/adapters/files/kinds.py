"""What can be read here: endings, what they are, and whether the reader is installed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

from paretoscope.adapters.files.read import SUFFIXES

_WORDS = {
    ".emd": ("EMD, Velox or Berkeley", "rsciio"),
    ".dm3": ("Gatan DigitalMicrograph 3", "rsciio"),
    ".dm4": ("Gatan DigitalMicrograph 4", "rsciio"),
    ".ser": ("FEI TIA series", "rsciio"),
    ".mrc": ("MRC image or stack", "rsciio"),
    ".tif": ("TIFF, also of ImageJ, FEI and OME", "tifffile"),
    ".tiff": ("TIFF, also of ImageJ, FEI and OME", "tifffile"),
    ".hspy": ("HyperSpy", "h5py"),
    ".hdf5": ("HDF5", "h5py"),
    ".h5": ("HDF5", "h5py"),
    ".hdf": ("HDF5", "h5py"),
    ".nxs": ("NeXus", "h5py"),
    ".npy": ("NumPy array", "numpy"),
    ".npz": ("NumPy archive", "numpy"),
    ".png": ("PNG picture", "PIL"),
    ".jpg": ("JPEG picture", "PIL"),
    ".jpeg": ("JPEG picture", "PIL"),
}


@dataclass(frozen=True)
class Readable:
    ending: str
    what: str
    installed: bool


def readable() -> list[Readable]:
    """Every ending that ``read_image`` knows, in its order."""
    found = []
    for ending in SUFFIXES:
        what, module = _WORDS[ending]
        found.append(Readable(ending, what, importlib.util.find_spec(module) is not None))
    return found
