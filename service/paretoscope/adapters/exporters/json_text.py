"""Atoms as JSON: {"columns": {"y_px": [..], ..}, ..}; null where there is no number."""

from __future__ import annotations

import numpy as np

from paretoscope.adapters.exporters.described import described
from paretoscope.adapters.exporters.numbers import json_bytes
from paretoscope.contract import AtomMap


def encode(atoms: AtomMap, columns: dict[str, np.ndarray]) -> bytes:
    lists = ",".join(f'"{name}":{json_list(column)}' for name, column in columns.items())
    head = json_bytes(described(atoms)).decode()
    return f'{head[:-1]},"columns":{{{lists}}}}}'.encode()


def json_list(column: np.ndarray) -> str:
    """The shortest digits that read back as the same number, many times faster than Python finds them."""
    import pyarrow as pa

    missing = ~np.isfinite(column) if column.dtype.kind == "f" else None
    texts = pa.array(column, mask=missing).cast(pa.string()).fill_null("null").to_pylist()
    return f"[{','.join(texts)}]"
