"""Everything known of a frame in one HDF5 file, laid out as NeXus (manual.nexusformat.org).

/entry                  NXentry       title, start_time, end_time; default plot: data
  /data                 NXdata        image (rows, columns); axes y, x in nm (px where nm is unknown)
  /atoms                NXcollection  one dataset a column, attribute `units`
  /area                 NXdata        kind: 0 vacuum, 1 lattice, 2 disordered; axes y, x as above
  /front                NXcollection  one dataset a column, one row a point; chosen, hypervolume, ...
  /windows              NXcollection  the parameter map, one row a window
  /classes              NXcollection  labels, centroids, dispersions, components, ...
  /provenance           NXprocess     program, version, params, n_expected, ledger, header, guard
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from paretoscope.adapters.exporters.record import Record, provenance
from paretoscope.adapters.exporters.units import unit_of
from paretoscope.contract import Classes, LogParams, ParameterMap, ParetoFront
from paretoscope.errors import BadParameters

_PARAMS = tuple(LogParams.model_fields)


def encode(record: Record) -> bytes:
    """The whole file as bytes. Raises BadParameters where h5py is not installed."""
    try:
        import h5py
    except ImportError:
        raise BadParameters(
            "not-installed", hint="HDF5 needs h5py: pip install 'paretoscope[formats]'."
        ) from None

    sink = io.BytesIO()
    with h5py.File(sink, "w") as file:
        file.attrs["default"] = "entry"
        entry = _group(file, "entry", "NXentry", default="data")
        _facts(entry, {"title": record.header.frame_id})
        _facts(entry, {"start_time": record.header.acquired_start, "end_time": record.header.acquired_end})
        _image(entry, record)
        _columns(_group(entry, "atoms", "NXcollection"), record.atoms.columns)
        _area(entry, record)
        if record.front is not None:
            _front(entry, record.front)
        if record.windows is not None:
            _windows(entry, record.windows)
        if record.classes is not None:
            _classes(entry, record.classes)
        _provenance(entry, record)
    return sink.getvalue()


def _group(parent: Any, name: str, kind: str, **attributes: Any) -> Any:
    group = parent.create_group(name)
    group.attrs["NX_class"] = kind
    group.attrs.update(attributes)
    return group


def _columns(group: Any, columns: dict[str, np.ndarray]) -> None:
    for name, column in columns.items():
        group[name] = column
        if unit := unit_of(name):
            group[name].attrs["units"] = unit


def _facts(group: Any, facts: dict[str, Any]) -> None:
    """Scalars and lists of scalars as datasets, mappings as groups, lists of mappings as JSON text."""
    for name, value in facts.items():
        if value is None:
            continue
        if isinstance(value, dict):
            _facts(_group(group, name, "NXcollection"), value)
            continue
        if isinstance(value, list):
            plain = all(isinstance(one, int | float) for one in value) and value
            value = value if plain else json.dumps(value)
        group[name] = _text(value) if isinstance(value, str) else value
        if unit := unit_of(name):
            group[name].attrs["units"] = unit


def _text(text: str) -> str:
    """HDF5 ends a text at the first NUL."""
    return text.replace("\0", " ")


def _axes(group: Any, centres: Sequence[np.ndarray], pixel_size_nm: tuple[float, float] | None) -> None:
    """Datasets y and x. centres: of the samples along each axis, px."""
    for index, (name, centre_px) in enumerate(zip("yx", centres, strict=True)):
        group[name] = centre_px if pixel_size_nm is None else centre_px * pixel_size_nm[index]
        group[name].attrs["units"] = "px" if pixel_size_nm is None else "nm"
        group[name].attrs["long_name"] = f"{name}, {group[name].attrs['units']}"
        group.attrs[f"{name}_indices"] = index


def _image(entry: Any, record: Record) -> None:
    data = _group(entry, "data", "NXdata", signal="image", axes=["y", "x"])
    data.create_dataset("image", data=record.image, compression="gzip", compression_opts=1, shuffle=True)
    data["image"].attrs["long_name"] = record.header.detector or "image"
    size = record.atoms.pixel_size_nm
    _axes(data, [np.arange(side, dtype=np.float64) for side in record.image.shape], size)


def _area(entry: Any, record: Record) -> None:
    mask, step = record.atoms.mask, record.atoms.mask_step_px
    if mask is None:
        return
    area = _group(entry, "area", "NXdata", signal="kind", axes=["y", "x"], step_px=step)
    area["kind"] = mask
    area["kind"].attrs["long_name"] = "0 vacuum, 1 lattice, 2 disordered"
    centres = [(np.arange(side) + 0.5) * step - 0.5 for side in np.shape(mask)]
    _axes(area, centres, record.atoms.pixel_size_nm)


def _params(rows: Sequence[LogParams | None]) -> dict[str, np.ndarray]:
    """One float64 column a parameter; NaN where a row has none."""
    return {
        name: np.array([np.nan if row is None else getattr(row, name) for row in rows], dtype=np.float64)
        for name in _PARAMS
    }


def _front(entry: Any, front: ParetoFront) -> None:
    group = _group(entry, "front", "NXcollection")
    points = front.points
    columns = {
        "qc": np.array([point.qc for point in points], dtype=np.float64),
        "er": np.array([point.er for point in points], dtype=np.float64),
        "n_found": np.array([point.n_found for point in points], dtype=np.int64),
        "n_close": np.array([point.n_close for point in points], dtype=np.int64),
        "tie_break": np.array([point.tie_break for point in points], dtype=np.float64),
        "dominated": np.array([point.dominated for point in points], dtype=bool),
    }
    _columns(group, columns | _params([point.params for point in points]))
    group.attrs["reference_point"] = front.reference_point
    group.attrs["hypervolume"] = front.hypervolume
    group.attrs["chosen"] = -1 if front.chosen is None else front.chosen


def _windows(entry: Any, windows: ParameterMap) -> None:
    group = _group(
        entry,
        "windows",
        "NXcollection",
        window_px=windows.window_px,
        step_px=windows.step_px,
        grid=windows.grid,
    )
    rows = windows.windows
    columns = {
        name: np.array([_number(getattr(row, name)) for row in rows], dtype=np.float64)
        for name in ("y_px", "x_px", "qc", "er", "n_found", "n_expected")
    }
    _columns(group, columns | _params([row.params for row in rows]))


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _classes(entry: Any, classes: Classes) -> None:
    group = _group(entry, "classes", "NXcollection", chosen_by=classes.chosen_by)
    listed = classes.classes
    group["class_id"] = np.array([one.class_id for one in listed], dtype=np.int32)
    group["count"] = np.array([one.count for one in listed], dtype=np.int64)
    group["weight"] = np.array([one.weight for one in listed], dtype=np.float64)
    if listed:
        group["name"] = [_text(one.name or "") for one in listed]
    arrays = ("labels", "probability", "centroids", "dispersions", "components", "explained_variance")
    _columns(group, {name: np.asarray(getattr(classes, name)) for name in arrays})
    _facts(group, {"patch_px": classes.patch_px, "note": classes.note})


def _provenance(entry: Any, record: Record) -> None:
    group = _group(entry, "provenance", "NXprocess")
    told = provenance(record)
    versions = told["versions"]
    _facts(
        group, {"program": "paretoscope", "version": versions["analysed_with"] or versions["exported_with"]}
    )
    _facts(group, told)
