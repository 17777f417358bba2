"""numpy -> what JSON may carry: NaN and infinity become null, float32 keeps its short spelling."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic_core import to_json


def plain_list(array: np.ndarray) -> list[Any]:
    """Nested lists. A float32 0.1 becomes 0.1 and reads back as the same float32."""
    if array.dtype.kind != "f":
        return array.tolist()
    if array.dtype == np.float32:
        finite = np.isfinite(array)
        short = np.where(finite, array, 0).astype("U").astype(np.float64)
        array = np.where(finite, short, np.nan)
    return _nulls(array)


def _nulls(array: np.ndarray) -> list[Any]:
    bad = ~np.isfinite(array)
    if not bad.any():
        return array.tolist()
    mixed = array.astype(object)
    mixed[bad] = None
    return mixed.tolist()


def json_bytes(value: Any) -> bytes:
    """JSON in which a stray NaN is null as well."""
    return to_json(value, inf_nan_mode="null")
