"""The text form of a lattice, as the command line and the policy take it.

    a=0.3905,b=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti

Pairs key=value, separated by commas, in any order and case; blanks are ignored.
  a      edge, nm; required
  b      edge, nm; default: as a
  gamma  angle between them, degrees; default 90
  basis  columns x:y or x:y:species, separated by semicolons; x and y are fractions of a and b, decimal or
         as 1/3; default: one column at 0:0
"""

from __future__ import annotations

from fractions import Fraction

from paretoscope.core.lattice import Lattice, Site
from paretoscope.errors import BadLattice

EXAMPLE = "a=0.3905,b=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti"
KEYS = ("a", "b", "gamma", "basis")


def parse_lattice(text: str) -> Lattice:
    """A `Lattice` from a name or from the form above. Raises BadLattice, saying which part is wrong."""
    if "=" not in text:
        return Lattice.named(text)
    pairs: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        key = key.strip().lower()
        if not equals or not value.strip():
            raise BadLattice(hint=f"{part.strip()!r} is not key=value; write the cell as {EXAMPLE}.")
        if key not in KEYS:
            raise BadLattice(hint=f"Unknown key {key!r} in the cell; the keys are {', '.join(KEYS)}.")
        if key in pairs:
            raise BadLattice(hint=f"{key!r} is given twice in the cell; give it once.")
        pairs[key] = value.strip()
    if "a" not in pairs:
        raise BadLattice(hint=f"The cell has no a (nm); write it as {EXAMPLE}.")
    a_nm = _number("a", pairs["a"])
    b_nm = _number("b", pairs["b"]) if "b" in pairs else a_nm
    gamma_deg = _number("gamma", pairs["gamma"]) if "gamma" in pairs else 90.0
    return Lattice(a_nm, b_nm, gamma_deg, _basis(pairs["basis"]) if "basis" in pairs else (Site(0.0, 0.0),))


def _basis(text: str) -> tuple[Site, ...]:
    sites = []
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        fields = [field.strip() for field in part.split(":")]
        if len(fields) not in (2, 3):
            raise BadLattice(hint=f"Column {part!r} is not x:y or x:y:species, e.g. 0.5:0.5:Ti.")
        x, y = _number("basis", fields[0]), _number("basis", fields[1])
        if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
            raise BadLattice(hint=f"Column {part!r} lies outside the cell; give fractions from 0 to 1.")
        sites.append(Site(x, y, fields[2] if len(fields) == 3 and fields[2] else "X"))
    return tuple(sites)


def _number(key: str, text: str) -> float:
    try:
        return float(Fraction(text)) if "/" in text else float(text)
    except (ValueError, ZeroDivisionError):
        raise BadLattice(hint=f"{key} is {text!r}, which is not a number.") from None
