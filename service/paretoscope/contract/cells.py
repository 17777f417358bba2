"""Projected unit cells: which ones a crystal can have, and their text form.

    a=0.3905,b=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti

Pairs key=value, separated by commas, in any order and case; blanks are ignored.
  a      edge, nm; required
  b      edge, nm; default: as a
  gamma  angle between them, degrees; default 90
  basis  columns x:y or x:y:species, separated by semicolons; x and y are fractions of a and b, decimal or
         as 1/3; default: one column at 0:0

Here and not with the numerics, because whoever takes a policy must refuse an impossible cell at once.
"""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np

from paretoscope.contract.policy import Basis, LatticeSpec
from paretoscope.errors import BadLattice

SHORTEST_NM, LONGEST_NM = 0.03, 100.0
"""Distances between columns outside this range are a slip of units, not a crystal."""
EXAMPLE = "a=0.3905,b=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti"
KEYS = ("a", "b", "gamma", "basis")
MOST_COLUMNS = 64


def check_cell(a_nm: float, b_nm: float, gamma_deg: float, sites: list[tuple[float, float]]) -> None:
    """Raises BadLattice for lengths, angles or columns (fractions x, y of a and b) that no crystal has."""
    for key, value in (("a_nm", a_nm), ("b_nm", b_nm)):
        if not (math.isfinite(value) and SHORTEST_NM <= value <= LONGEST_NM):
            raise BadLattice(
                hint=f"{key} is {value:g}; lengths are in nm and lie between {SHORTEST_NM:g} and "
                f"{LONGEST_NM:g} (1 angstrom = 0.1 nm)."
            )
    if not 10.0 <= gamma_deg <= 170.0:
        raise BadLattice(hint=f"gamma is {gamma_deg:g} degrees; give the angle between a and b, 10 to 170.")
    if not sites:
        raise BadLattice(hint="The cell has no column; give at least one, e.g. basis=0:0:Sr.")
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in sites):
        raise BadLattice(hint="A column has a position that is not a number; give fractions of a and b.")
    nearest_nm = nearest_neighbour(cell_vectors(a_nm, b_nm, gamma_deg), np.array(sites, dtype=float))
    if nearest_nm < SHORTEST_NM:
        raise BadLattice(
            hint=f"Two columns lie {nearest_nm:.4f} nm apart; list each visible column once, in fractions "
            "of a and b."
        )


def check_spec(spec: LatticeSpec) -> None:
    """Raises BadLattice, see `check_cell`."""
    check_cell(spec.a_nm, spec.b_nm, spec.gamma_deg, [(site.x, site.y) for site in spec.basis])


def read_cell(text: str) -> LatticeSpec:
    """The cell that `text` says in the form above. Raises BadLattice, saying which part is wrong."""
    pairs = _pairs(text)
    if "a" not in pairs:
        raise BadLattice(hint=f"The cell has no a (nm); write it as {EXAMPLE}.")
    a_nm = _number("a", pairs["a"])
    b_nm = _number("b", pairs["b"]) if "b" in pairs else a_nm
    gamma_deg = _number("gamma", pairs["gamma"]) if "gamma" in pairs else 90.0
    basis = _basis(pairs["basis"]) if "basis" in pairs else [Basis(x=0.0, y=0.0)]
    check_cell(a_nm, b_nm, gamma_deg, [(site.x, site.y) for site in basis])
    return LatticeSpec(a_nm=a_nm, b_nm=b_nm, gamma_deg=gamma_deg, basis=basis)


def cell_vectors(a_nm: float, b_nm: float, gamma_deg: float) -> np.ndarray:
    """(2, 2) float64: rows a and b as (y, x), nm; a lies along x."""
    gamma = math.radians(gamma_deg)
    return np.array([[0.0, a_nm], [b_nm * math.sin(gamma), b_nm * math.cos(gamma)]])


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


def _pairs(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        key = key.strip().lower()
        if not equals or not value.strip():
            raise BadLattice(hint=f"{part.strip()[:80]!r} is not key=value; write the cell as {EXAMPLE}.")
        if key not in KEYS:
            raise BadLattice(hint=f"Unknown key {key[:40]!r} in the cell; the keys are {', '.join(KEYS)}.")
        if key in pairs:
            raise BadLattice(hint=f"{key!r} is given twice in the cell; give it once.")
        pairs[key] = value.strip()
    return pairs


def _basis(text: str) -> list[Basis]:
    sites = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        fields = [field.strip() for field in part.split(":")]
        if len(fields) not in (2, 3):
            raise BadLattice(hint=f"Column {part[:80]!r} is not x:y or x:y:species, e.g. 0.5:0.5:Ti.")
        x, y = _number("basis", fields[0]), _number("basis", fields[1])
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
            raise BadLattice(hint=f"Column {part[:80]!r} lies outside the cell; give fractions from 0 to 1.")
        sites.append(
            Basis(x=x % 1.0, y=y % 1.0, species=fields[2] if len(fields) == 3 and fields[2] else "X")
        )
    if len(sites) > MOST_COLUMNS:
        raise BadLattice(hint=f"The cell has {len(sites)} columns; {MOST_COLUMNS} at most.")
    return sites


def _number(key: str, text: str) -> float:
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError, OverflowError):
        raise BadLattice(hint=f"{key} is {text[:40]!r}, which is not a number.") from None
