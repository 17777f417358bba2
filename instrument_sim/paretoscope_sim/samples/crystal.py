"""Filling a field with a two-dimensional crystal."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Sites:
    """Lattice sites in nm with their place in the crystal; arrays of equal length."""

    y_nm: NDArray[np.float64]
    x_nm: NDArray[np.float64]
    basis: NDArray[np.int16]
    """Which site of the cell."""
    cell_a: NDArray[np.int32]
    cell_b: NDArray[np.int32]
    """Which cell, along the first and the second cell vector."""

    def __len__(self) -> int:
        return len(self.y_nm)

    def take(self, index: NDArray) -> Sites:
        return Sites(
            self.y_nm[index], self.x_nm[index], self.basis[index], self.cell_a[index], self.cell_b[index]
        )


def cell_vectors(a_nm: float, b_nm: float, gamma_deg: float, rotation_deg: float) -> NDArray[np.float64]:
    """Return ((ay, ax), (by, bx)) in nm; at 0 degrees the first vector lies along x, angles turn x to y."""
    first, second = radians(rotation_deg), radians(rotation_deg + gamma_deg)
    return np.array([[a_nm * sin(first), a_nm * cos(first)], [b_nm * sin(second), b_nm * cos(second)]])


def tile(
    vectors_nm: NDArray[np.float64],
    basis: list[tuple[float, float]],
    field_nm: tuple[float, float],
    margin_nm: float,
    shift_nm: tuple[float, float] = (0.0, 0.0),
) -> Sites:
    """Return every site within the field and its margin.

    vectors_nm: (2, 2), rows are cell vectors as (y, x).  basis: sites in fractions of the cell.
    shift_nm: moves the crystal against the field's centre, (y, x).
    """
    height, width = field_nm
    reach = np.hypot(height, width) / 2 + margin_nm + np.abs(vectors_nm).sum()
    # The inverse's rows bound how many cells are needed along each vector to cover a disc of that reach.
    count_a, count_b = np.ceil(reach * np.linalg.norm(np.linalg.inv(vectors_nm), axis=0)).astype(int)
    a, b, site = np.meshgrid(
        np.arange(-count_a, count_a + 1),
        np.arange(-count_b, count_b + 1),
        np.arange(len(basis)),
        indexing="ij",
    )
    a, b, site = a.ravel(), b.ravel(), site.ravel()
    fractions = np.asarray(basis, float)[site] + np.stack([a, b], axis=1)
    y, x = (fractions @ vectors_nm).T
    y, x = y + height / 2 + shift_nm[0], x + width / 2 + shift_nm[1]
    near = (y >= -margin_nm) & (y < height + margin_nm) & (x >= -margin_nm) & (x < width + margin_nm)
    return Sites(y, x, site.astype(np.int16), a.astype(np.int32), b.astype(np.int32)).take(near)
