"""Projected cells: densities, neighbours, names and the text form."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import KDTree

from paretoscope.contract import Basis, LatticeSpec
from paretoscope.core.lattice import Lattice, Site, reduce_basis
from paretoscope.core.lattice_names import NAMED
from paretoscope.errors import BadLattice

cells = st.builds(
    Lattice,
    st.floats(0.2, 2.0),
    st.floats(0.2, 2.0),
    st.floats(40.0, 140.0),
    st.lists(
        st.builds(Site, st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0.0, 0.5])),
        min_size=1,
        max_size=4,
        unique_by=lambda site: (site.x, site.y),
    ).map(tuple),
)


def all_places(lattice: Lattice, reach: int = 6) -> np.ndarray:
    """Every column of a large piece, (n, 2), nm."""
    steps = np.array([(i, j) for i in range(-reach, reach + 1) for j in range(-reach, reach + 1)], float)
    sites = np.array([(site.x, site.y) for site in lattice.basis])
    return ((steps[:, None, :] + sites[None, :, :]).reshape(-1, 2)) @ lattice.vectors_nm


@given(cells)
def test_the_nearest_neighbour_is_that_of_a_large_piece(lattice: Lattice):
    places = all_places(lattice)
    distance = KDTree(places).query(places, k=2)[0][:, 1].min()
    assert lattice.nearest_neighbour_nm == pytest.approx(distance, rel=1e-9)


@given(cells)
def test_reducing_a_cell_keeps_its_lattice(lattice: Lattice):
    reduced, coefficients = reduce_basis(lattice.vectors_nm)
    assert np.allclose(coefficients, np.round(coefficients))
    assert abs(abs(np.linalg.det(coefficients)) - 1.0) < 1e-9
    assert np.allclose(coefficients @ lattice.vectors_nm, reduced)
    assert abs(reduced[0] @ reduced[1]) <= 0.5 * (reduced[0] @ reduced[0]) + 1e-12


@pytest.mark.parametrize(
    ("name", "neighbour_nm", "density_per_nm2"),
    [
        ("graphene", 0.1421, 38.13),
        ("SrTiO3", 0.2761, 13.12),
        ("MoS2", 0.1824, 23.13),
        ("Si", 0.1358, 19.18),
        ("Au [111]", 0.1665, 41.66),
        ("BiFeO3", 0.2804, 12.72),
    ],
)
def test_well_known_lattices_have_their_textbook_distances(name, neighbour_nm, density_per_nm2):
    lattice = Lattice.named(name)
    assert lattice.nearest_neighbour_nm == pytest.approx(neighbour_nm, abs=1e-4)
    assert lattice.density_per_nm2 == pytest.approx(density_per_nm2, abs=0.01)


def test_names_forgive_case_blanks_and_brackets():
    assert Lattice.named("srtio3") is Lattice.named("STO") is Lattice.named("SrTiO3 [001]")
    assert Lattice.named("au111") is NAMED["Au [111]"]


def test_an_unknown_name_brings_the_nearest_ones():
    with pytest.raises(BadLattice, match="graphene") as failure:
        Lattice.named("grafene")
    assert failure.value.code == "unknown-lattice"


def test_a_cell_may_be_written_as_text():
    lattice = Lattice.parse("a=0.3905, b=0.3905, gamma=90, basis=0:0:Sr;1/2:0.5:Ti")
    named = Lattice.named("SrTiO3")
    assert (lattice.a_nm, lattice.basis) == (named.a_nm, named.basis)
    assert Lattice.parse("a=0.2461,gamma=120").b_nm == 0.2461
    assert Lattice.parse("MoS2") is Lattice.named("mos2")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a=x,b=1", "not a number"),
        ("b=0.3", "no a"),
        ("a=0.3,a=0.4", "twice"),
        ("a=0.3,c=0.4", "keys are a, b, gamma, basis"),
        ("a=0.3,b", "key=value"),
        ("a=0.3,basis=0", "x:y"),
        ("a=0.3,basis=0:2:Sr", "outside the cell"),
        ("a=0.3,basis=0:0;0:0", "apart"),
        ("a=0.3,basis=1/0:0", "not a number"),
        ("a=-0.3", "lengths are in nm"),
        ("a=nan", "lengths are in nm"),
        ("a=390", "lengths are in nm"),
        ("a=0.3,gamma=180", "angle"),
        ("a=0.3,basis=;", "no column"),
    ],
)
def test_each_slip_in_a_cell_is_named(text, said):
    with pytest.raises(BadLattice, match=said):
        Lattice.parse(text)


def test_a_cell_comes_from_a_policy_document():
    spec = LatticeSpec(a_nm=0.4, b_nm=0.5, gamma_deg=90.0, basis=[Basis(x=0.0, y=0.0), Basis(x=0.5, y=0.5)])
    lattice = Lattice.from_spec(spec)
    assert lattice.density_per_nm2 == pytest.approx(10.0)


def test_alike_columns_extinguish_the_odd_reflections_of_a_centred_cell():
    power = Lattice.named("Au [110]").structure_power(np.array([[1, 0], [1, 1], [2, 0]]))
    assert power == pytest.approx([0.0, 1.0, 1.0])
