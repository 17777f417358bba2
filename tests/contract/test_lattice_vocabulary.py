"""The names the contract takes and the lattices the numerics know are the same."""

from __future__ import annotations

import pytest

from paretoscope.contract.lattices import LATTICE_ALIASES, LATTICE_NAMES, canonical_lattice
from paretoscope.core.lattice_names import NAMED, look_up
from paretoscope.errors import BadLattice


def test_every_name_has_a_lattice_and_every_lattice_a_name():
    assert list(NAMED) == list(LATTICE_NAMES)
    assert set(LATTICE_ALIASES.values()) <= set(LATTICE_NAMES)


@pytest.mark.parametrize(
    ("spoken", "meant"), [("sto", "SrTiO3"), ("srtio3 [001]", "SrTiO3"), ("Si", "Si [110]")]
)
def test_a_lattice_goes_by_more_than_one_name(spoken: str, meant: str):
    assert canonical_lattice(spoken) == meant
    assert look_up(spoken).name == meant


def test_a_misspelt_name_is_answered_with_the_near_ones():
    with pytest.raises(BadLattice, match="SrTiO3"):
        canonical_lattice("SrTiO4")
