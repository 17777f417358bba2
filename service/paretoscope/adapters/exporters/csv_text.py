"""Atoms as CSV: a heading (units stand in the names) and a row per atom; an empty cell for no number."""

from __future__ import annotations

import io

import numpy as np

from paretoscope.adapters.exporters.arrow import table
from paretoscope.contract import AtomMap


def encode(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    from pyarrow import csv

    sink = io.BytesIO()
    csv.write_csv(table(atoms, columns), sink, csv.WriteOptions(quoting_header="none"))
    return sink.getvalue()
