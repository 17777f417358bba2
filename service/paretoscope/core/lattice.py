"""A projected unit cell: what the atoms should look like from above, in nanometres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paretoscope.contract import LatticeSpec
from paretoscope.errors import BadLattice

SHORTEST_NM, LONGEST_NM = 0.03, 100.0
"""Distances between columns outside this range are a slip of units, not a crystal."""


@dataclass(frozen=True)
class Site:
    """One visible column of the cell, in fractions of a (x) and b (y)."""

    x: float
    y: float
    species: str = "X"


@dataclass(frozen=True)
class Lattice:
    """A two-dimensional cell with the columns that an annular dark-field image shows.

    a_nm, b_nm: lengths, nm.  gamma_deg: angle between them, degrees, 0..180.
    basis: columns in fractions of a and b; wrapped into [0, 1).
    The cell has no orientation in the image: that is found from the image's spectrum.
    Raises BadLattice for lengths, angles or columns that no crystal has.
    """

    a_nm: float
    b_nm: float
    gamma_deg: float = 90.0
    basis: tuple[Site, ...] = (Site(0.0, 0.0),)
    name: str | None = None

    def __post_init__(self) -> None:
        for key in ("a_nm", "b_nm"):
            value = getattr(self, key)
            if not (math.isfinite(value) and SHORTEST_NM <= value <= LONGEST_NM):
                raise BadLattice(
                    hint=f"{key} is {value:g}; lengths are in nm and lie between {SHORTEST_NM:g} and "
                    f"{LONGEST_NM:g} (1 angstrom = 0.1 nm)."
                )
        if not 10.0 <= self.gamma_deg <= 170.0:
            raise BadLattice(
                hint=f"gamma is {self.gamma_deg:g} degrees; give the angle between a and b, 10 to 170."
            )
        if not self.basis:
            raise BadLattice(hint="The cell has no column; give at least one, e.g. basis=0:0:Sr.")
        if not all(math.isfinite(site.x) and math.isfinite(site.y) for site in self.basis):
            raise BadLattice(hint="A column has a position that is not a number; give fractions of a and b.")
        wrapped = tuple(Site(site.x % 1.0, site.y % 1.0, site.species) for site in self.basis)
        object.__setattr__(self, "basis", wrapped)
        if self.nearest_neighbour_nm < SHORTEST_NM:
            raise BadLattice(
                hint=f"Two columns lie {self.nearest_neighbour_nm:.4f} nm apart; list each visible column "
                "once, in fractions of a and b."
            )

    @cached_property
    def vectors_nm(self) -> np.ndarray:
        """(2, 2) float64: rows a and b as (y, x), nm; a lies along x."""
        gamma = math.radians(self.gamma_deg)
        return np.array([[0.0, self.a_nm], [self.b_nm * math.sin(gamma), self.b_nm * math.cos(gamma)]])

    @property
    def area_nm2(self) -> float:
        return self.a_nm * self.b_nm * math.sin(math.radians(self.gamma_deg))

    @property
    def density_per_nm2(self) -> float:
        """Visible columns per square nanometre."""
        return len(self.basis) / self.area_nm2

    @cached_property
    def nearest_neighbour_nm(self) -> float:
        """Shortest distance between two columns of the endless lattice, nm."""
        fractions = np.array([(site.x, site.y) for site in self.basis])
        return nearest_neighbour(self.vectors_nm, fractions)

    def structure_power(self, orders: np.ndarray) -> np.ndarray:
        """How strongly reflections (n, 2) of whole numbers (h, k) shine if all columns were alike, 0..1."""
        sites = np.array([(site.x, site.y) for site in self.basis])
        phases = np.exp(-2j * np.pi * (orders @ sites.T))
        return np.abs(phases.mean(axis=1)) ** 2

    @classmethod
    def named(cls, name: str) -> Lattice:
        """A well-known lattice, see ``lattice_names``. Raises BadLattice with the nearest names."""
        from paretoscope.core.lattice_names import look_up

        return look_up(name)

    @classmethod
    def parse(cls, text: str) -> Lattice:
        """A name, or a cell as ``a=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti``, see ``lattice_text``."""
        from paretoscope.core.lattice_text import parse_lattice

        return parse_lattice(text)

    @classmethod
    def from_spec(cls, spec: LatticeSpec) -> Lattice:
        sites = tuple(Site(site.x, site.y, site.species) for site in spec.basis)
        return cls(spec.a_nm, spec.b_nm, spec.gamma_deg, sites, spec.name)

    def describe(self) -> str:
        """One line for people: 'a=0.3905 nm, b=0.3905 nm, gamma=90.0 deg, 2 columns'."""
        columns = "1 column" if len(self.basis) == 1 else f"{len(self.basis)} columns"
        return f"a={self.a_nm:.4g} nm, b={self.b_nm:.4g} nm, gamma={self.gamma_deg:.1f} deg, {columns}"

    @property
    def label(self) -> str:
        """'SrTiO3 (given by name)', or the cell and '(given)'."""
        return f"{self.name} (given by name)" if self.name else f"{self.describe()} (given)"


def nearest_neighbour(vectors: np.ndarray, fractions: np.ndarray) -> float:
    """Shortest distance between two sites of a periodic pattern, in the unit of `vectors`.

    vectors: (2, 2), rows are the cell's edges.  fractions: (n, 2) of the edges.
    """
    vectors, coefficients = reduce_basis(vectors)
    # sites in fractions of the reduced edges: fractions @ old = fractions @ inv(coefficients) @ new
    sites = fractions @ np.linalg.inv(coefficients)
    steps = np.array([(i, j) for i in range(-2, 3) for j in range(-2, 3)], dtype=float)
    differences = sites[:, None, :] - sites[None, :, :]
    differences -= np.round(differences)
    offsets = (differences[:, :, None, :] + steps) @ vectors
    distances = np.hypot(offsets[..., 0], offsets[..., 1])
    itself = np.eye(len(sites), dtype=bool)[:, :, None] & (steps == 0).all(axis=1)
    distances[itself] = np.inf
    return float(distances.min())


def reduce_basis(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lagrange-Gauss reduction: the two shortest edges that span the same lattice.

    Returns (reduced (2, 2), coefficients (2, 2) whole numbers) with reduced = coefficients @ vectors.
    """
    reduced, coefficients = np.array(vectors, dtype=float), np.eye(2)
    for _ in range(64):
        if np.hypot(*reduced[1]) < np.hypot(*reduced[0]):
            reduced, coefficients = reduced[::-1].copy(), coefficients[::-1].copy()
        times = np.round(reduced[0] @ reduced[1] / max(reduced[0] @ reduced[0], 1e-300))
        if times == 0:
            break
        reduced[1] -= times * reduced[0]
        coefficients[1] -= times * coefficients[0]
    return reduced, coefficients
