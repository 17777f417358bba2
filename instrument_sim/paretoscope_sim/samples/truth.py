"""What a sample is: one row per atomic column, exactly known."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from paretoscope_sim.samples.elements import scattering


class Tag(IntEnum):
    """What is special about a column. Of several reasons the last in this list wins, except AMORPHOUS."""

    PERFECT = 0
    WALL = 1
    """Inside a ferroelectric domain wall."""
    EDGE = 2
    """At a hole: fewer bonds than in the crystal."""
    RING = 3
    """In a five- or seven-membered ring."""
    VACANCY_NEIGHBOUR = 4
    """Next to a missing atom, or a column that lacks one of its atoms."""
    DOPANT = 5
    AMORPHOUS = 6


@dataclass(frozen=True)
class Sample:
    """Atomic columns as arrays of equal length n. Coordinates in nm from the field's top left corner."""

    name: str
    field_nm: tuple[float, float]
    """(height, width) of the field; columns may stand outside it, within the margin."""
    bond_nm: float
    """Nearest-neighbour distance of the perfect structure."""
    y_nm: NDArray[np.float64]
    x_nm: NDArray[np.float64]
    intensity: NDArray[np.float64]
    """Sum of Z^1.7 over the atoms that see the probe."""
    species: NDArray[np.str_]
    domain: NDArray[np.int16]
    """Grain or ferroelectric domain, 0, 1, ...; -1 where there is none (amorphous)."""
    polarisation_y_nm: NDArray[np.float64]
    polarisation_x_nm: NDArray[np.float64]
    """Displacement of the B column against the centre of its A cage; 0 in non-polar samples."""
    tag: NDArray[np.uint8]
    """Values of ``Tag``."""
    fragile: NDArray[np.uint8]
    """Atoms of this column that the beam can knock out one by one; 0 for thick crystals."""
    spread_nm: float = 0.0
    """By how much thickness and thermal motion widen every column, standard deviation."""

    def __len__(self) -> int:
        return len(self.y_nm)

    @classmethod
    def of(
        cls,
        name: str,
        field_nm: tuple[float, float],
        bond_nm: float,
        y_nm: ArrayLike,
        x_nm: ArrayLike,
        species: ArrayLike,
        spread_nm: float = 0.0,
        **columns: ArrayLike,
    ) -> Sample:
        """Fill the columns not given: one atom each, domain 0, unpolarised, perfect, stable."""
        y = np.asarray(y_nm, float)
        kinds = np.broadcast_to(np.asarray(species, "U4"), y.shape).copy()
        given = {name: np.asarray(value) for name, value in columns.items()}
        if "intensity" not in given:
            table = {kind: scattering(kind) for kind in np.unique(kinds).tolist()}
            given["intensity"] = np.array([table[kind] for kind in kinds.tolist()])
        default = {
            "domain": (0, np.int16),
            "polarisation_y_nm": (0.0, np.float64),
            "polarisation_x_nm": (0.0, np.float64),
            "tag": (Tag.PERFECT, np.uint8),
            "fragile": (0, np.uint8),
            "intensity": (0.0, np.float64),
        }
        filled = {
            key: np.broadcast_to(np.asarray(given.get(key, value), kind), y.shape).copy()
            for key, (value, kind) in default.items()
        }
        return cls(
            name, field_nm, bond_nm, y, np.asarray(x_nm, float), species=kinds, spread_nm=spread_nm, **filled
        )

    def take(self, index: NDArray) -> Sample:
        """Return the columns selected by a mask or by indices."""
        return replace(self, **{key: getattr(self, key)[index] for key in COLUMNS})

    def join(self, other: Sample) -> Sample:
        """Return both samples' columns, this one's first; name, field and bond are this one's."""
        return replace(
            self, **{key: np.concatenate([getattr(self, key), getattr(other, key)]) for key in COLUMNS}
        )

    def inside(self) -> NDArray[np.bool_]:
        """Which columns stand inside the field."""
        height, width = self.field_nm
        return (self.y_nm >= 0) & (self.y_nm < height) & (self.x_nm >= 0) & (self.x_nm < width)


_SCALARS = {"name", "field_nm", "bond_nm", "spread_nm"}

COLUMNS = tuple(field.name for field in fields(Sample) if field.name not in _SCALARS)
"""Names of the columns, in the order in which tables list them."""
