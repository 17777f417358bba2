"""Detection parameters and the atoms they find."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import Field, PositiveFloat, model_validator

from paretoscope.contract.base import Array, Document, FrameId


class LogParams(Document):
    """Laplacian-of-Gaussian parameters, as in ``skimage.feature.blob_log``."""

    sigma_min: PositiveFloat
    """Smallest Gaussian standard deviation, px."""
    sigma_max: PositiveFloat
    """Largest Gaussian standard deviation, px; at least sigma_min."""
    threshold: Annotated[float, Field(ge=0.0)]
    """Least scale-normalised response that counts, on an image in [0, 1]."""
    overlap: Annotated[float, Field(ge=0.0, le=1.0)]
    """Share of a blob's area that may lie inside a larger one before it is dropped."""
    num_sigma: Annotated[int, Field(ge=1, le=64)] = 10
    """How many scales, evenly spaced from sigma_min to sigma_max."""

    @model_validator(mode="after")
    def _ordered(self) -> LogParams:
        if self.sigma_max < self.sigma_min:
            raise ValueError(f"sigma_max {self.sigma_max} is below sigma_min {self.sigma_min}")
        return self


ATOM_COLUMNS: dict[str, str] = {
    "atom_id": "int32",
    "y_px": "float32",
    "x_px": "float32",
    "y_nm": "float32",
    "x_nm": "float32",
    "y_error_px": "float32",
    "x_error_px": "float32",
    "sigma_px": "float32",
    "score": "float32",
    "confidence": "float32",
    "class_id": "int32",
    "area_kind": "uint8",
}
"""Column -> dtype. The origin is the centre of the top-left pixel, y grows downwards.

y_nm, x_nm are absent where the pixel size is unknown. y_error_px, x_error_px: one standard deviation.
score: the LoG response. confidence: 0..1, the chance that this is an atom. class_id: -1 = not classed.
area_kind: 0 vacuum, 1 lattice, 2 disordered (see ``AtomMap.mask``).
"""


class AtomMap(Document):
    """Where the atoms are: columns of equal length, one row an atom."""

    frame_id: FrameId
    revision: Annotated[int, Field(ge=0)] = 0
    """Grows each time the same frame is detected anew with another choice."""
    columns: dict[str, Any]
    """Column name -> 1-D numpy array; see ``ATOM_COLUMNS``."""
    pixel_size_nm: tuple[PositiveFloat, PositiveFloat] | None = None
    shape: tuple[int, int]
    """(rows, columns) of the frame, px."""
    params: LogParams | None = None
    """What found them; None where parameters were blended over windows."""
    refinement: str = "parabola"
    """'none', 'parabola' or 'gaussian'."""
    mask: Array | None = None
    """(rows, columns) uint8 at `mask_step_px` spacing: 0 vacuum, 1 lattice, 2 disordered."""
    mask_step_px: Annotated[int, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _columns_fit(self) -> AtomMap:
        for name, column in self.columns.items():
            if not isinstance(column, np.ndarray) or column.ndim != 1:
                raise ValueError(f"column {name} is not a 1-D array")
        lengths = {name: len(column) for name, column in self.columns.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"columns differ in length: {lengths}")
        return self

    @property
    def count(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0
