"""Arrays for ``numpy.load(..., allow_pickle=False)``."""

from __future__ import annotations

import io

import numpy as np

from paretoscope.contract import AtomMap


def encode(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    """Atoms as a structured array, one field a column."""
    rows = np.empty(atoms.count, dtype=[(name, column.dtype) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    return encode_array(rows)


def encode_array(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array, allow_pickle=False)
    return sink.getvalue()
