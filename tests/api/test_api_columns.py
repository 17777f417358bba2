"""The atom map in every media type says the same."""

from __future__ import annotations

import io
import json

import httpx
import msgpack
import numpy as np
import pyarrow as pa
import pyarrow.csv
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.adapters.exporters.json_text import json_list
from paretoscope.adapters.exporters.numbers import plain_list
from paretoscope.adapters.store import Store
from paretoscope.api.columns import ENCODERS
from paretoscope.contract import AtomMap
from serving import put_worked, results

READERS = {
    "application/json": lambda body: {
        name: np.array([np.nan if v is None else v for v in column])
        for name, column in json.loads(body)["columns"].items()
    },
    "application/msgpack": lambda body: {
        name: np.frombuffer(one["data"], one["dtype"])
        for name, one in msgpack.unpackb(body)["columns"].items()
    },
    "application/vnd.apache.arrow.stream": lambda body: _arrow(pa.ipc.open_stream(body).read_all()),
    "application/vnd.apache.arrow.file": lambda body: _arrow(pa.ipc.open_file(body).read_all()),
    "text/csv": lambda body: _arrow(pyarrow.csv.read_csv(io.BytesIO(body))),
    "application/x-npy": lambda body: (lambda rows: {name: rows[name] for name in rows.dtype.names})(
        np.load(io.BytesIO(body), allow_pickle=False)
    ),
}


def _arrow(table: pa.Table) -> dict[str, np.ndarray]:
    return {name: table[name].to_numpy(zero_copy_only=False).astype(float) for name in table.column_names}


@pytest.mark.parametrize("media", READERS)
def test_every_media_type_carries_the_same_columns(http: httpx.Client, store: Store, media: str):
    frame_id = put_worked(store)
    truth = next(one for one in results(frame_id) if isinstance(one, AtomMap))

    answer = http.get(f"/v1/frames/{frame_id}/atoms", headers={"Accept": media})

    assert answer.status_code == 200
    assert answer.headers["content-type"].split(";")[0] == media
    columns = READERS[media](answer.content)
    assert list(columns) == list(truth.columns)
    for name, column in truth.columns.items():
        np.testing.assert_array_equal(np.asarray(columns[name]).astype(column.dtype), column, err_msg=name)


def test_offered_and_tested_media_types_are_the_same():
    assert set(READERS) == set(ENCODERS)


def test_asked_columns_come_in_the_asked_order(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.get(f"/v1/frames/{frame_id}/atoms", params={"columns": "x_px,y_px"})
    assert list(answer.json()["columns"]) == ["x_px", "y_px"]


def test_an_unknown_column_is_named(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.get(f"/v1/frames/{frame_id}/atoms", params={"columns": "x_px,z_px"})
    assert answer.status_code == 422
    assert answer.json()["code"] == "unknown-column"
    assert "z_px" in answer.json()["hint"]


def test_an_unknown_media_type_is_answered_with_the_list(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.get(f"/v1/frames/{frame_id}/atoms", headers={"Accept": "application/xml"})
    assert answer.status_code == 406
    assert "text/csv" in answer.json()["hint"]


def test_nan_never_appears_in_json(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    for part in ("atoms", "classes", "front", "windows"):
        text = http.get(f"/v1/frames/{frame_id}/{part}").text
        assert "NaN" not in text
        assert "Infinity" not in text
    assert http.get(f"/v1/frames/{frame_id}/atoms").json()["columns"]["y_error_px"][3] is None


def test_an_unchanged_map_is_not_sent_again(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    first = http.get(f"/v1/frames/{frame_id}/atoms")
    again = http.get(f"/v1/frames/{frame_id}/atoms", headers={"If-None-Match": first.headers["ETag"]})
    other = http.get(
        f"/v1/frames/{frame_id}/atoms", headers={"If-None-Match": first.headers["ETag"], "Accept": "text/csv"}
    )
    assert (again.status_code, other.status_code) == (304, 200)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(width=32), max_size=20))
def test_json_numbers_read_back_as_the_same_float32(values: list[float]):
    column = np.array(values, dtype=np.float32)
    finite = np.where(np.isfinite(column), column, np.nan)
    for text in (json.dumps(plain_list(column)), json_list(column)):
        back = [np.float32(np.nan) if v is None else np.float32(v) for v in json.loads(text)]
        np.testing.assert_array_equal(np.array(back, np.float32), finite)
