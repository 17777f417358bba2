"""Atoms as Parquet, with the same metadata as Arrow."""

from __future__ import annotations

import io

import numpy as np

from paretoscope.adapters.exporters.arrow import table
from paretoscope.contract import AtomMap


def encode(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    from pyarrow import parquet

    sink = io.BytesIO()
    parquet.write_table(table(atoms, columns), sink)
    return sink.getvalue()
