"""Atoms as Arrow: one record batch; the map's other fields are schema metadata, units the fields' own."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from paretoscope.adapters.exporters.described import described
from paretoscope.adapters.exporters.numbers import json_bytes
from paretoscope.adapters.exporters.units import unit_of
from paretoscope.contract import AtomMap


def table(atoms: AtomMap, columns: dict[str, np.ndarray]) -> Any:
    """A pyarrow.Table; NaN becomes null. Metadata: 'paretoscope' (JSON) and each field's 'units'."""
    import pyarrow as pa  # 30 MB that only a reader of Arrow, Parquet or CSV should cost

    metadata = {"paretoscope": json_bytes(described(atoms)).decode()}
    arrays = [pa.array(column, from_pandas=True) for column in columns.values()]
    fields = [
        pa.field(name, array.type, metadata={"units": unit} if (unit := unit_of(name)) else None)
        for name, array in zip(columns, arrays, strict=True)
    ]
    return pa.table(arrays, schema=pa.schema(fields, metadata=metadata))


def encode_stream(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    """The IPC stream format."""
    import pyarrow as pa

    filled, sink = table(atoms, columns), io.BytesIO()
    with pa.ipc.new_stream(sink, filled.schema) as writer:
        writer.write_table(filled)
    return sink.getvalue()


def encode_file(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    """The IPC file format, which can be memory-mapped (Feather version 2)."""
    import pyarrow as pa

    filled, sink = table(atoms, columns), io.BytesIO()
    with pa.ipc.new_file(sink, filled.schema) as writer:
        writer.write_table(filled)
    return sink.getvalue()
