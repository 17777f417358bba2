"""An atom map as bytes, in whatever a reader takes: one function per media type, columns in, columns out.

| media type | what it is |
|---|---|
| application/json | {"columns": {"y_px": [..], ..}, ..}; null where there is no number |
| application/msgpack | the same map; a column is {"dtype": "float32", "data": <little-endian bytes>} |
| application/vnd.apache.arrow.stream, .file | one record batch; the map's other fields are schema metadata |
| text/csv | a heading and a row per atom; an empty cell where there is no number |
| application/x-npy | a structured array for ``numpy.load(..., allow_pickle=False)`` |
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Any, cast

import msgpack
import numpy as np

from paretoscope.api.numbers import json_bytes
from paretoscope.contract import AtomMap
from paretoscope.errors import BadInput

JSON = "application/json"
MSGPACK = "application/msgpack"
ARROW_STREAM = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
CSV = "text/csv"
NPY = "application/x-npy"


def picked(atoms: AtomMap, names: Iterable[str] | None) -> dict[str, np.ndarray]:
    """The asked columns in the asked order, or all of them; BadInput names one that is not there."""
    if names is None:
        return atoms.columns
    wanted = list(names)
    missing = [name for name in wanted if name not in atoms.columns]
    if missing or not wanted:
        raise BadInput(
            "unknown-column",
            hint=f"No column {missing[0] if missing else ''!r}; known: {', '.join(atoms.columns)}.",
        )
    return {name: atoms.columns[name] for name in wanted}


def described(atoms: AtomMap) -> dict[str, Any]:
    """Everything but the columns."""
    return {
        "frame_id": atoms.frame_id,
        "revision": atoms.revision,
        "count": atoms.count,
        "shape": list(atoms.shape),
        "pixel_size_nm": None if atoms.pixel_size_nm is None else list(atoms.pixel_size_nm),
        "params": None if atoms.params is None else atoms.params.model_dump(),
        "refinement": atoms.refinement,
    }


def buffer(array: np.ndarray) -> dict[str, Any]:
    """{"dtype", "shape", "data"}: little-endian, C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": little.tobytes()}


def _as_json(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    lists = ",".join(f'"{name}":{_json_list(column)}' for name, column in columns.items())
    head = json_bytes(described(atoms)).decode()
    return f'{head[:-1]},"columns":{{{lists}}}}}'.encode()


def _json_list(column: np.ndarray) -> str:
    """The shortest digits that read back as the same number, many times faster than Python finds them."""
    import pyarrow as pa

    missing = ~np.isfinite(column) if column.dtype.kind == "f" else None
    texts = pa.array(column, mask=missing).cast(pa.string()).fill_null("null").to_pylist()
    return f"[{','.join(texts)}]"


def _as_msgpack(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    buffers = {name: buffer(column) for name, column in columns.items()}
    return cast(bytes, msgpack.packb({**described(atoms), "columns": buffers}))


def _table(atoms: AtomMap, columns: dict[str, np.ndarray]) -> Any:
    import pyarrow as pa  # 30 MB that only a reader of Arrow or CSV should cost

    metadata = {"paretoscope": json_bytes(described(atoms)).decode()}
    arrays = [pa.array(column, from_pandas=True) for column in columns.values()]
    return pa.table(
        arrays,
        schema=pa.schema(
            [(name, array.type) for name, array in zip(columns, arrays, strict=True)], metadata=metadata
        ),
    )


def _as_arrow_stream(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    import pyarrow as pa

    table, sink = _table(atoms, columns), io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _as_arrow_file(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    import pyarrow as pa

    table, sink = _table(atoms, columns), io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _as_csv(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    from pyarrow import csv

    sink = io.BytesIO()
    csv.write_csv(_table(atoms, columns), sink, csv.WriteOptions(quoting_header="none"))
    return sink.getvalue()


def _as_npy(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    rows = np.empty(atoms.count, dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    sink = io.BytesIO()
    np.save(sink, rows, allow_pickle=False)
    return sink.getvalue()


ENCODERS: dict[str, Callable[[AtomMap, dict[str, np.ndarray]], bytes]] = {
    JSON: _as_json,
    MSGPACK: _as_msgpack,
    ARROW_STREAM: _as_arrow_stream,
    ARROW_FILE: _as_arrow_file,
    CSV: _as_csv,
    NPY: _as_npy,
}
