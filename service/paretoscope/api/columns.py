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

from collections.abc import Callable, Iterable
from typing import Any, cast

import msgpack
import numpy as np

from paretoscope.adapters.exporters import arrow, csv_text, json_text, npy
from paretoscope.adapters.exporters.described import described
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


def buffer(array: np.ndarray) -> dict[str, Any]:
    """{"dtype", "shape", "data"}: little-endian, C order."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"dtype": array.dtype.name, "shape": list(array.shape), "data": little.tobytes()}


def _as_msgpack(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    buffers = {name: buffer(column) for name, column in columns.items()}
    return cast(bytes, msgpack.packb({**described(atoms), "columns": buffers}))


ENCODERS: dict[str, Callable[[AtomMap, dict[str, np.ndarray]], bytes]] = {
    JSON: json_text.encode,
    MSGPACK: _as_msgpack,
    ARROW_STREAM: arrow.encode_stream,
    ARROW_FILE: arrow.encode_file,
    CSV: csv_text.encode,
    NPY: npy.encode,
}
