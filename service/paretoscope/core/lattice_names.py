"""Well-known projected lattices, with what a high-angle annular dark-field image shows of them.

Heavy columns only: oxygen next to Sr, Bi or Pb is not seen, and B-site columns that hold oxygen too count as
the metal. Sulphur pairs of a monolayer lie over each other and count as one column.

Sources, lengths at room temperature:
  elements, III-V, II-VI, rock salt: Wyckoff, Crystal Structures I (1963).
  perovskites: SrTiO3 0.3905 (Schmidbauer, Acta Cryst. B 68, 8 (2012)); BaTiO3, PbTiO3: Shirane (1951, 1956);
      BiFeO3 pseudo-cubic 0.3965 (Moreau, J. Phys. Chem. Solids 32, 1315 (1971)); DyScO3 pseudo-cubic 0.3949
      (Liferovich, J. Solid State Chem. 177, 2188 (2004)); La0.7Sr0.3MnO3 0.3880; SrRuO3 0.3930;
      LaAlO3 0.3790; Li3xLa2/3-xTiO3 0.3870 (Stramare, Chem. Mater. 15, 3974 (2003)).
  dichalcogenides: Schutte, J. Solid State Chem. 70, 207 (1987).
  graphene 0.2461, hexagonal BN 0.2504: Pease, Acta Cryst. 5, 356 (1952).
  YBa2Cu3O7: Jorgensen, Phys. Rev. B 36, 3608 (1987).  Ti3C2: Naguib, Adv. Mater. 23, 4248 (2011).
"""

from __future__ import annotations

import math

from paretoscope.contract.lattices import canonical_lattice
from paretoscope.core.lattice import Lattice, Site

ROOT2, ROOT6 = math.sqrt(2.0), math.sqrt(6.0)


def _perovskite(name: str, a_nm: float, a_site: str, b_site: str, c_nm: float | None = None) -> Lattice:
    return Lattice(a_nm, c_nm or a_nm, 90.0, (Site(0.0, 0.0, a_site), Site(0.5, 0.5, b_site)), name)


def _honeycomb(name: str, a_nm: float, first: str, second: str) -> Lattice:
    return Lattice(a_nm, a_nm, 120.0, (Site(1 / 3, 2 / 3, first), Site(2 / 3, 1 / 3, second)), name)


def _fcc(name: str, a_nm: float) -> dict[str, Lattice]:
    """[001] first: the three low-index views of a face-centred cubic metal."""
    one = (Site(0.0, 0.0, name),)
    centred = (Site(0.0, 0.0, name), Site(0.5, 0.5, name))
    return {
        f"{name} [001]": Lattice(a_nm / 2, a_nm / 2, 90.0, one, f"{name} [001]"),
        f"{name} [110]": Lattice(a_nm, a_nm / ROOT2, 90.0, centred, f"{name} [110]"),
        f"{name} [111]": Lattice(a_nm / ROOT6, a_nm / ROOT6, 120.0, one, f"{name} [111]"),
    }


def _bcc(name: str, a_nm: float) -> dict[str, Lattice]:
    one, centred = (Site(0.0, 0.0, name),), (Site(0.0, 0.0, name), Site(0.5, 0.5, name))
    return {
        f"{name} [001]": Lattice(a_nm / ROOT2, a_nm / ROOT2, 90.0, one, f"{name} [001]"),
        f"{name} [110]": Lattice(a_nm, a_nm * ROOT2, 90.0, centred, f"{name} [110]"),
        f"{name} [111]": Lattice(a_nm * ROOT2 / 3**0.5, a_nm * ROOT2 / 3**0.5, 120.0, one, f"{name} [111]"),
    }


def _dumbbells(name: str, a_nm: float, first: str, second: str) -> dict[str, Lattice]:
    """Diamond and zinc blende. [110]: pairs a/4 apart along c.  [001]: the two kinds alternate."""
    pairs = (Site(0, 0, first), Site(0.25, 0, second), Site(0.5, 0.5, first), Site(0.75, 0.5, second))
    if first == second:
        side = a_nm / (2 * ROOT2)
        square = Lattice(side, side, 90.0, (Site(0, 0, first),), f"{name} [001]")
    else:
        square = Lattice(
            a_nm / 2, a_nm / 2, 90.0, (Site(0, 0, first), Site(0.5, 0.5, second)), f"{name} [001]"
        )
    return {
        f"{name} [110]": Lattice(a_nm, a_nm / ROOT2, 90.0, pairs, f"{name} [110]"),
        f"{name} [001]": square,
    }


def _rock_salt(name: str, a_nm: float, mixed: str) -> Lattice:
    """[001]: every column holds both kinds."""
    return Lattice(a_nm / 2, a_nm / 2, 90.0, (Site(0, 0, mixed),), name)


def _ybco() -> Lattice:
    """[100]: b across, c along; Cu chains at 0, Ba at 0.184, Cu planes at 0.355, Y at 0.5."""
    heavy = (Site(0.5, 0.1843, "Ba"), Site(0.5, 0.8157, "Ba"), Site(0.5, 0.5, "Y"))
    copper = (Site(0.0, 0.0, "Cu"), Site(0.0, 0.3556, "Cu"), Site(0.0, 0.6444, "Cu"))
    return Lattice(0.3886, 1.1681, 90.0, heavy + copper, "YBa2Cu3O7")


NAMED: dict[str, Lattice] = {
    lattice.name or "": lattice
    for lattice in (
        _honeycomb("graphene", 0.2461, "C", "C"),
        _honeycomb("h-BN", 0.2504, "B", "N"),
        *(
            _honeycomb(metal + chalcogen + "2", a_nm, metal, chalcogen + "2")
            for metal, chalcogen, a_nm in (
                ("Mo", "S", 0.3160),
                ("Mo", "Se", 0.3289),
                ("Mo", "Te", 0.3519),
                ("W", "S", 0.3153),
                ("W", "Se", 0.3282),
                ("Nb", "Se", 0.3442),
            )
        ),
        _perovskite("SrTiO3", 0.3905, "Sr", "Ti"),
        _perovskite("BaTiO3", 0.3992, "Ba", "Ti", 0.4036),
        _perovskite("PbTiO3", 0.3904, "Pb", "Ti", 0.4152),
        _perovskite("PbZrTiO3", 0.4036, "Pb", "Zr/Ti", 0.4146),
        _perovskite("BiFeO3", 0.3965, "Bi", "Fe"),
        _perovskite("DyScO3", 0.3949, "Dy", "Sc"),
        _perovskite("SrRuO3", 0.3930, "Sr", "Ru"),
        _perovskite("LaAlO3", 0.3790, "La", "Al"),
        _perovskite("LaMnO3", 0.3935, "La", "Mn"),
        _perovskite("LSMO", 0.3880, "La/Sr", "Mn"),
        _perovskite("LLTO", 0.3870, "La/Li", "Ti"),
        *_dumbbells("Si", 0.54310, "Si", "Si").values(),
        *_dumbbells("Ge", 0.56579, "Ge", "Ge").values(),
        *_dumbbells("diamond", 0.35668, "C", "C").values(),
        *_dumbbells("GaAs", 0.56533, "Ga", "As").values(),
        *_dumbbells("InAs", 0.60583, "In", "As").values(),
        *_dumbbells("InP", 0.58687, "In", "P").values(),
        *_dumbbells("CdTe", 0.64810, "Cd", "Te").values(),
        *_fcc("Au", 0.40782).values(),
        *_fcc("Ag", 0.40853).values(),
        *_fcc("Pt", 0.39242).values(),
        *_fcc("Pd", 0.38907).values(),
        *_fcc("Al", 0.40495).values(),
        *_fcc("Cu", 0.36149).values(),
        *_fcc("Ni", 0.35240).values(),
        *_bcc("Fe", 0.28665).values(),
        *_bcc("W", 0.31652).values(),
        _rock_salt("MgO", 0.42117, "Mg/O"),
        _rock_salt("NiO", 0.41771, "Ni/O"),
        Lattice(0.45937, 0.45937, 90.0, (Site(0, 0, "Ti"), Site(0.5, 0.5, "Ti")), "TiO2"),
        Lattice(0.54112, 0.38263, 90.0, (Site(0, 0, "Ce"), Site(0.5, 0.5, "Ce")), "CeO2"),
        _ybco(),
        # Three titanium layers stacked A-B-C: seen from above every site of the fine triangle is a column.
        Lattice(0.3051 / 3**0.5, 0.3051 / 3**0.5, 120.0, (Site(0, 0, "Ti"),), "Ti3C2"),
    )
}
"""Canonical name -> lattice."""


def look_up(name: str) -> Lattice:
    """The lattice of that name; case, blanks and brackets do not matter. Raises BadLattice."""
    return NAMED[canonical_lattice(name)]
