"""Atoms as a napari points layer (CSV): drop the file on napari and the atoms lie on the image.

index,axis-0,axis-1,confidence,class_id,...      axis-0 = y, axis-1 = x, pixels; the rest are features
"""

from __future__ import annotations

import numpy as np

from paretoscope.adapters.exporters import csv_text
from paretoscope.contract import AtomMap

_PLACES = ("y_px", "x_px")


def encode(atoms: AtomMap) -> bytes:
    rest = {name: column for name, column in atoms.columns.items() if name not in _PLACES}
    places = {"axis-0": atoms.columns["y_px"], "axis-1": atoms.columns["x_px"]}
    return csv_text.encode(atoms, {"index": np.arange(atoms.count)} | places | rest)
