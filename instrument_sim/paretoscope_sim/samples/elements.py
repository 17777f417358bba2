"""How strongly an atom scatters to high angles."""

from __future__ import annotations

ATOMIC_NUMBER = {
    "C": 6, "N": 7, "O": 8, "Si": 14, "S": 16, "Ti": 22, "V": 23, "Fe": 26, "Se": 34, "Sr": 38,
    "Mo": 42, "W": 74, "Pt": 78, "Au": 79, "Bi": 83,
}  # fmt: skip

HAADF_EXPONENT = 1.7
"""Between 1.6 and 2 by collection angle; Krivanek et al., Nature 464, 571 (2010) measured 1.64."""


def scattering(species: str, atoms: float = 1.0) -> float:
    """Return Z^1.7 times the number of atoms in the column."""
    return atoms * ATOMIC_NUMBER[species] ** HAADF_EXPONENT


DECHANNELLING_NM = 1.5
"""Depth over which the probe stays on a column of a thick crystal; beyond it the signal is background."""


def effective_atoms(thickness_nm: float, spacing_nm: float) -> float:
    """Return how many atoms of a column of a thick crystal see the focused probe.

    The probe leaves the column along the way: the n-th atom sees exp(-depth / 1.5 nm) of it. This keeps
    a column's signal finite, as in measured thickness series; it is no multislice calculation.
    """
    from math import exp

    return DECHANNELLING_NM / spacing_nm * (1.0 - exp(-thickness_nm / DECHANNELLING_NM))
