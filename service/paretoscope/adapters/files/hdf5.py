"""HDF5: hyperspy, atomap / TEMUL lattices, NSID, and plain datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from paretoscope.adapters.files.image_file import LEAST_SIDE_PX, ImageSource, PixelSize, as_pixel_size
from paretoscope.adapters.files.units import to_nm
from paretoscope.errors import BadFile

_NAMES = ("image_data0", "MainImage", "image", "Image", "img", "data", "Data", "HAADF")
"""Where images lie in the layouts we know, most telling first."""
_MOST_OBJECTS = 5000


def read_hdf5(path: Path) -> ImageSource:
    """Read the image or stack of a .hspy, .hdf5 or .h5 file, frame by frame."""
    with h5py.File(path, "r") as file:
        found = _hyperspy(file, path) or _lattice(file) or _best_dataset(file, path)
        dataset, pixel_size_nm, facts = found
        name = dataset.name
        if dataset.ndim not in (2, 3):
            text = " x ".join(map(str, dataset.shape))
            raise BadFile(
                "not-an-image", hint=f"{path.name}: {name} is {text}; export one image or a stack of them."
            )
        shape = (1, *dataset.shape) if dataset.ndim == 2 else dataset.shape

    def read(index: int) -> np.ndarray:
        with h5py.File(path, "r") as again:
            stored: Any = again[name]
            return stored[()] if stored.ndim == 2 else stored[index]

    return ImageSource(shape, read, pixel_size_nm, **facts)


def _hyperspy(file: h5py.File, path: Path) -> tuple[h5py.Dataset, PixelSize | None, dict[str, Any]] | None:
    """Experiments/<name>/data with axis-0, axis-1, ... (hyperspy >= 0.8)."""
    experiments = file.get("Experiments")
    if not isinstance(experiments, h5py.Group) or not len(experiments):
        return None
    name, group = next(iter(experiments.items()))
    dataset = group.get("data") if isinstance(group, h5py.Group) else None
    if not isinstance(dataset, h5py.Dataset):
        return None
    axes: list[dict[str, Any]] = [
        dict(group[f"axis-{i}"].attrs) if f"axis-{i}" in group else {} for i in range(dataset.ndim)
    ]
    signal = [axis for axis in axes if not axis.get("navigate", False)]
    if len(signal) == 1 and dataset.ndim > 1:
        raise BadFile(
            "not-an-image", hint=f"{path.name} holds spectra, not an image. Export one image of it."
        )
    steps, notes = [], []
    for axis in axes[-2:]:
        unit = _text(axis.get("units"))
        steps.append(to_nm(float(axis.get("scale", 1.0)), unit))
        if steps[-1] is None and float(axis.get("scale", 1.0)) != 1.0:
            notes.append(
                f"The axes' step {float(axis['scale']):.6g} has no unit of length; the pixel size is unknown."
            )
    facts: dict[str, Any] = {"notes": tuple(dict.fromkeys(notes))}
    title = _attribute(group, "metadata/General", "title") or (None if name.startswith("__") else name)
    facts["title"] = title
    facts["instrument"] = _attribute(group, "metadata/Acquisition_instrument/TEM", "microscope")
    facts["detector"] = _attribute(group, "original_metadata/DetectorMetadata", "DetectorName")
    return dataset, as_pixel_size(*steps) if len(steps) == 2 else None, facts


def _lattice(file: h5py.File) -> tuple[h5py.Dataset, PixelSize | None, dict[str, Any]] | None:
    """image_data0 beside sublattice groups (atomap, TEMUL); their pixel_size 1.0 means 'never set'."""
    dataset = file.get("image_data0")
    if not isinstance(dataset, h5py.Dataset):
        return None
    size = None
    for group in file.values():
        step = group.attrs.get("pixel_size") if isinstance(group, h5py.Group) else None
        if step is not None and float(step) != 1.0:
            nm = to_nm(float(step), _text(group.attrs.get("units")))
            size = size or as_pixel_size(nm, nm)
    return dataset, size, {"title": _text(file.attrs.get("name")) or None}


def _best_dataset(file: h5py.File, path: Path) -> tuple[h5py.Dataset, PixelSize | None, dict[str, Any]]:
    """The dataset with the most telling name, else the first that looks like an image."""
    images: list[h5py.Dataset] = []
    seen = 0

    def visit(_: str, item: Any) -> bool | None:
        nonlocal seen
        seen += 1
        wanted = isinstance(item, h5py.Dataset) and item.ndim in (2, 3) and item.dtype.kind in "buif"
        if wanted and min(item.shape[-2:]) >= LEAST_SIDE_PX:
            images.append(item)
        return True if seen > _MOST_OBJECTS else None

    file.visititems(visit)
    if not images:
        raise BadFile("not-an-image", hint=f"{path.name} holds no 2-D dataset. Save the image as 'image'.")

    def rank(item: h5py.Dataset) -> int:
        leaf = str(item.name).rsplit("/", 1)[-1]
        return _NAMES.index(leaf) if leaf in _NAMES else len(_NAMES)

    dataset = min(images, key=rank)
    notes: tuple[str, ...] = ()
    if len(images) > 1:
        notes = (f"Of {len(images)} images {dataset.name} was taken.",)
    return dataset, _dataset_step(dataset), {"notes": notes, "title": str(dataset.name).strip("/")}


def _dataset_step(dataset: h5py.Dataset) -> PixelSize | None:
    """From the attribute `pixel_size_nm`, else from dimension scales with units (NSID, NeXus)."""
    direct = dataset.attrs.get("pixel_size_nm")
    if direct is not None:
        steps = np.ravel(direct).astype(float)
        return as_pixel_size(steps[0], steps[-1])
    if nexus := _nexus_step(dataset):
        return nexus
    steps = []
    for dimension in list(dataset.dims)[-2:]:
        if not len(dimension) or len(dimension[0]) < 2:
            return None
        scale = dimension[0]
        steps.append(to_nm(float(scale[1]) - float(scale[0]), _text(scale.attrs.get("units"))))
    return as_pixel_size(*steps)


def _nexus_step(dataset: h5py.Dataset) -> PixelSize | None:
    """From the axes that the NXdata group names: evenly spaced places with units."""
    group: Any = dataset.parent
    names = [_text(name) for name in np.ravel(group.attrs.get("axes", []))][-2:]
    if len(names) != 2 or not all(isinstance(group.get(name), h5py.Dataset) for name in names):
        return None
    axes: list[Any] = [group[name] for name in names]
    if not all(axis.ndim == 1 and len(axis) > 1 for axis in axes):
        return None
    return as_pixel_size(
        *(to_nm(float(axis[1]) - float(axis[0]), _text(axis.attrs.get("units"))) for axis in axes)
    )


def _attribute(group: h5py.Group, where: str, name: str) -> str | None:
    return _text(group[where].attrs.get(name)) or None if where in group else None


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else ""
