"""Every format, read back with its own library, holds what the stored documents hold."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from export_records import record
from paretoscope.adapters.exporters.formats import FORMATS, write_record
from paretoscope.adapters.exporters.units import unit_of
from paretoscope.adapters.files import read_image
from paretoscope.contract import (
    ATOM_COLUMNS,
    AtomMap,
    StreamPolicy,
)


def read_arrow(content: bytes) -> pa.Table:
    return pa.ipc.open_file(content).read_all()


def read_parquet(content: bytes) -> pa.Table:
    return pa.parquet.read_table(io.BytesIO(content))


def columns_of(name: str, content: bytes) -> dict[str, np.ndarray]:
    """Columns read back; NaN where there is no number."""
    if name in ("arrow", "parquet"):
        table = (read_arrow if name == "arrow" else read_parquet)(content)
        return {one: table[one].to_numpy() for one in table.column_names}
    if name in ("csv", "napari"):
        table = pa.csv.read_csv(io.BytesIO(content))
        places = {"axis-0": "y_px", "axis-1": "x_px"} if name == "napari" else {}
        names = [one for one in table.column_names if one != "index"]
        return {places.get(one, one): table[one].to_numpy() for one in names}
    if name == "npy":
        rows = np.load(io.BytesIO(content), allow_pickle=False)
        return {one: rows[one] for one in rows.dtype.names}
    if name == "json":
        return {one: np.array(values, dtype=float) for one, values in json.loads(content)["columns"].items()}
    with h5py.File(io.BytesIO(content)) as file:
        return {one: dataset[()] for one, dataset in file["entry/atoms"].items()}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_holds_every_column_to_the_last_bit(name: str) -> None:
    given_record = record()
    found = columns_of(name, FORMATS[name].encode(given_record))
    assert set(found) == set(given_record.atoms.columns)
    for column, values in given_record.atoms.columns.items():
        np.testing.assert_array_equal(found[column].astype(values.dtype), values)


@pytest.mark.parametrize("name", FORMATS)
def test_a_frame_without_atoms_has_all_columns_and_no_rows(name: str) -> None:
    empty = record()
    columns = {column: values[:0] for column, values in empty.atoms.columns.items()}
    empty = replace(
        empty, atoms=empty.atoms.model_copy(update={"columns": columns}), classes=None, windows=None
    )
    found = columns_of(name, FORMATS[name].encode(empty))
    assert {column: len(values) for column, values in found.items()} == dict.fromkeys(columns, 0)


@settings(max_examples=20, deadline=None)
@given(
    hnp.arrays(np.float32, st.integers(0, 30), elements=st.floats(width=32, allow_infinity=False)),
    st.sampled_from([name for name in FORMATS if name != "json"]),
)
def test_any_number_comes_back_as_it_was(values: np.ndarray, name: str) -> None:
    base = record()
    atoms = AtomMap(frame_id="f", columns={"y_px": values, "x_px": values, "sigma_px": values}, shape=(9, 9))
    found = columns_of(name, FORMATS[name].encode(replace(base, atoms=atoms, classes=None)))
    back = np.asarray(found["y_px"], dtype=float).astype(np.float32)  # a CSV column of nulls has no type
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("read", [read_arrow, read_parquet])
def test_arrow_and_parquet_say_the_unit_of_each_column_and_what_found_the_atoms(read) -> None:
    given_record = record()
    name = "arrow" if read is read_arrow else "parquet"
    schema = read(FORMATS[name].encode(given_record)).schema
    assert schema.field("y_nm").metadata[b"units"] == b"nm"
    assert schema.field("sigma_px").metadata[b"units"] == b"px"
    assert b"units" not in (schema.field("score").metadata or {})
    told = json.loads(schema.metadata[b"paretoscope"])
    assert told["params"] == given_record.atoms.params.model_dump()


def test_units_are_read_from_names() -> None:
    units = {name: unit_of(name) for name in ATOM_COLUMNS}
    assert {name for name, unit in units.items() if unit == "nm"} == {"y_nm", "x_nm"}
    assert {name for name, unit in units.items() if not unit} == {
        *("atom_id", "score", "confidence", "class_id", "area_kind")
    }


def test_the_nexus_file_leads_a_reader_to_the_image_with_axes_in_nm() -> None:
    given_record = record(pixel_size_nm=(0.02, 0.03))
    with h5py.File(io.BytesIO(FORMATS["hdf5"].encode(given_record))) as file:
        entry = file[file.attrs["default"]]
        assert entry.attrs["NX_class"] == "NXentry"
        data = entry[entry.attrs["default"]]
        assert data.attrs["NX_class"] == "NXdata"
        np.testing.assert_array_equal(data[data.attrs["signal"]], given_record.image)
        for axis, step, side in zip(data.attrs["axes"], (0.02, 0.03), given_record.image.shape, strict=True):
            assert data[axis].attrs["units"] == "nm"
            np.testing.assert_allclose(data[axis], np.arange(side) * step)
        assert entry["atoms/y_nm"].attrs["units"] == "nm"
        area = entry["area"]
        np.testing.assert_array_equal(area["kind"], given_record.atoms.mask)
        np.testing.assert_allclose(area["y"], (np.arange(6) * 16 + 7.5) * 0.02)


def test_the_nexus_file_holds_front_classes_windows_and_provenance() -> None:
    given_record = record()
    front, classes = given_record.front, given_record.classes
    with h5py.File(io.BytesIO(FORMATS["hdf5"].encode(given_record))) as file:
        entry = file["entry"]
        assert entry["front/qc"][()].tolist() == [point.qc for point in front.points]
        assert entry["front/threshold"][()].tolist() == [point.params.threshold for point in front.points]
        assert entry["front/sigma_min"].attrs["units"] == "px"
        assert entry["front"].attrs["chosen"] == front.chosen
        for name in ("labels", "probability", "centroids", "dispersions", "components"):
            np.testing.assert_array_equal(entry["classes"][name], getattr(classes, name))
        assert entry["classes/name"].asstr()[()].tolist() == ["", "Ti-O", ""]
        assert np.isnan(entry["windows/threshold"][1])
        assert entry["windows"].attrs["grid"].tolist() == [1, 2]
        made = entry["provenance"]
        assert made["n_expected/value"][()] == front.n_expected.value
        assert made["n_expected/source"].asstr()[()] == "lattice-occupied-area"
        assert made["params/threshold"][()] == given_record.atoms.params.threshold
        assert made["ledger/total_ms"][()] == given_record.ledger.total_ms
        assert made["ledger/total_ms"].attrs["units"] == "ms"
        assert json.loads(made["ledger/stages"].asstr()[()])[0]["name"] == "queued"
        assert made["versions/contract"].asstr()[()] == "1.0"


def test_the_nexus_file_of_a_bare_result_has_axes_in_px_and_no_empty_groups() -> None:
    bare = record(pixel_size_nm=None, note="cut\0short")
    bare = replace(bare, front=None, windows=None, classes=None, ledger=None, guard=None)
    with h5py.File(io.BytesIO(FORMATS["hdf5"].encode(bare))) as file:
        assert file["entry/data/y"].attrs["units"] == "px"
        assert not {"front", "windows", "classes"} & set(file["entry"])
        assert file["entry/provenance/header/note"].asstr()[()] == "cut short"


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "int16", "int32", "float32", "float64"])
def test_the_tiff_is_read_back_with_its_pixels_and_their_distances(dtype: str, tmp_path) -> None:
    base = record(pixel_size_nm=(0.0123456, 0.00098765))
    image = (base.image % 120).astype(dtype)
    list(write_record(tmp_path, replace(base, image=image), [], image=True))
    file = read_image(tmp_path / "stem-e1-000003-image.tif")
    np.testing.assert_array_equal(file.image, image)
    assert file.image.dtype == dtype
    assert file.pixel_size_nm == pytest.approx((0.0123456, 0.00098765), rel=1e-6)


def test_the_image_comes_as_npy_where_npy_was_asked_for(tmp_path) -> None:
    base = record()
    written = list(write_record(tmp_path, base, ["npy", "csv", "npy"], image=True))
    assert [path.name.removeprefix("stem-e1-000003-") for path in written] == [
        *("summary.json", "atoms.npy", "atoms.csv", "image.tif", "image.npy")
    ]
    np.testing.assert_array_equal(np.load(written[-1], allow_pickle=False), base.image)
    assert sorted(tmp_path.iterdir()) == sorted(written)


def test_the_summary_tells_front_classes_and_origin(tmp_path) -> None:
    base = record()
    (path,) = write_record(tmp_path, base, [])
    told = json.loads(path.read_text())
    assert told["chosen"] == base.front.chosen
    assert [point["qc"] for point in told["front"]] == [point.qc for point in base.front.points]
    assert [one["name"] for one in told["classes"]] == [None, "Ti-O", None]
    assert told["header"]["stream"] == "stem"
    assert told["ledger"]["deadline_ms"] == base.ledger.deadline_ms
    assert told["seed"] == StreamPolicy().seed
