"""Columns as a pandas table, where pandas is installed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from paretoscope.errors import ParetoscopeError

if TYPE_CHECKING:
    import pandas


def data_frame(columns: Mapping[str, np.ndarray]) -> pandas.DataFrame:
    """One row an atom, indexed by atom_id where there is that column."""
    try:
        import pandas
    except ImportError as error:
        raise ParetoscopeError(
            "not-installed",
            hint="Tables need pandas: pip install 'paretoscope[pandas]'. atoms() does not.",
        ) from error
    table = pandas.DataFrame(dict(columns))
    return table.set_index("atom_id") if "atom_id" in table else table
