"""The names a lattice may go by. What each looks like stands in ``core.lattice_names``.

Here, because whoever takes a policy (the API, which loads no numerics) must refuse a misspelt name at once.
"""

from __future__ import annotations

import difflib
import re

from paretoscope.contract.cells import check_spec, read_cell
from paretoscope.contract.policy import LatticeSpec
from paretoscope.errors import BadLattice

# fmt: off
LATTICE_NAMES: tuple[str, ...] = (
    "graphene", "h-BN", "MoS2", "MoSe2", "MoTe2", "WS2", "WSe2", "NbSe2", "SrTiO3", "BaTiO3", "PbTiO3",
    "PbZrTiO3", "BiFeO3", "DyScO3", "SrRuO3", "LaAlO3", "LaMnO3", "LSMO", "LLTO", "Si [110]", "Si [001]",
    "Ge [110]", "Ge [001]", "diamond [110]", "diamond [001]", "GaAs [110]", "GaAs [001]", "InAs [110]",
    "InAs [001]", "InP [110]", "InP [001]", "CdTe [110]", "CdTe [001]", "Au [001]", "Au [110]",
    "Au [111]", "Ag [001]", "Ag [110]", "Ag [111]", "Pt [001]", "Pt [110]", "Pt [111]", "Pd [001]",
    "Pd [110]", "Pd [111]", "Al [001]", "Al [110]", "Al [111]", "Cu [001]", "Cu [110]", "Cu [111]",
    "Ni [001]", "Ni [110]", "Ni [111]", "Fe [001]", "Fe [110]", "Fe [111]", "W [001]", "W [110]",
    "W [111]", "MgO", "NiO", "TiO2", "CeO2", "YBa2Cu3O7", "Ti3C2",
)
# fmt: on
"""Canonical names; of several views of one crystal the first is meant where none is said."""

LATTICE_ALIASES: dict[str, str] = {
    "sto": "SrTiO3",
    "bto": "BaTiO3",
    "pto": "PbTiO3",
    "pzt": "PbZrTiO3",
    "bfo": "BiFeO3",
    "dso": "DyScO3",
    "sro": "SrRuO3",
    "lao": "LaAlO3",
    "ybco": "YBa2Cu3O7",
    "hbn": "h-BN",
    "bn": "h-BN",
    "gold": "Au [001]",
    "platinum": "Pt [001]",
    "silicon": "Si [110]",
    "mxene": "Ti3C2",
    "1hmos2": "MoS2",
    "2hmos2": "MoS2",
    "mos21h": "MoS2",
    "mos22h": "MoS2",
    "rutile": "TiO2",
    "ceria": "CeO2",
}


def _key(name: str) -> str:
    return re.sub(r"[^a-z0-9/]", "", name.lower())


def _table() -> dict[str, str]:
    table = {_key(name): name for name in LATTICE_NAMES}
    for name in LATTICE_NAMES:
        element, _, view = name.partition(" ")
        table.setdefault(_key(element) if view else _key(name) + "001", name)
    return table | LATTICE_ALIASES


_TABLE = _table()


def canonical_lattice(name: str) -> str:
    """'sto' -> 'SrTiO3', 'si' -> 'Si [110]'; case, blanks and brackets do not matter. Raises BadLattice."""
    found = _TABLE.get(_key(name))
    if found is None:
        spoken = {_key(known): known for known in LATTICE_NAMES} | LATTICE_ALIASES
        near = difflib.get_close_matches(_key(name), spoken, n=4, cutoff=0.4)
        names = list(dict.fromkeys(spoken[key] for key in near)) or ["graphene", "SrTiO3", "MoS2", "BiFeO3"]
        raise BadLattice(
            "unknown-lattice",
            hint=f"No lattice is called {name[:80]!r}. Near it: {', '.join(names)}; or give a cell as "
            "a=0.3905,b=0.3905,gamma=90,basis=0:0:Sr;0.5:0.5:Ti (nm, degrees, fractions).",
        )
    return found


def settled_lattice(given: str | LatticeSpec | None) -> str | LatticeSpec | None:
    """What a policy keeps: the canonical name, or the cell, whether it came as text or as a document.

    Raises BadLattice for an unknown name and for a cell that no crystal has.
    """
    if isinstance(given, str):
        return read_cell(given) if "=" in given else canonical_lattice(given)
    if given is not None:
        check_spec(given)
    return given
