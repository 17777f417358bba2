"""A projected unit cell: what the atoms should look like from above, in nanometres."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from paretoscope.contract import LatticeSpec
from paretoscope.contract.cells import cell_vectors, check_cell, nearest_neighbour, read_cell, reduce_basis

__all__ = ["Lattice", "Site", "nearest_neighbour", "reduce_basis"]


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
        check_cell(self.a_nm, self.b_nm, self.gamma_deg, [(site.x, site.y) for site in self.basis])
        wrapped = tuple(Site(site.x % 1.0, site.y % 1.0, site.species) for site in self.basis)
        object.__setattr__(self, "basis", wrapped)

    @cached_property
    def vectors_nm(self) -> np.ndarray:
        """(2, 2) float64: rows a and b as (y, x), nm; a lies along x."""
        return cell_vectors(self.a_nm, self.b_nm, self.gamma_deg)

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
        """A name, or a cell as ``a=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti``, see ``contract.cells``."""
        return cls.from_spec(read_cell(text)) if "=" in text else cls.named(text)

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
