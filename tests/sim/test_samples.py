"""What a sample owes to crystallography."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import KDTree

from paretoscope.errors import BadParameters, NotFound
from paretoscope_sim import Tag, make_sample
from paretoscope_sim.samples import COLUMNS, RECIPES

PERFECT = {
    "graphene": {"vacancies": 0, "dopants": 0, "stone_wales": 0, "holes": 0, "amorphous_radius_nm": 0.0},
    "SrTiO3": {},
    "MoS2": {"single_vacancies": 0, "double_vacancies": 0, "dopants": 0},
}
DENSITY_PER_NM2 = {
    "graphene": 4 / (np.sqrt(3) * 0.24595**2),
    "SrTiO3": 2 / 0.3905**2,
    "MoS2": 4 / (np.sqrt(3) * 0.316**2),
}


@pytest.mark.parametrize("name", PERFECT)
def test_densities_match_the_crystal(name):
    made = make_sample(name, field_nm=20.0, **PERFECT[name])
    assert made.inside().sum() / 400 == pytest.approx(DENSITY_PER_NM2[name], rel=0.01)


@pytest.mark.parametrize("name", PERFECT)
def test_nearest_neighbours_stand_one_bond_apart(name):
    made = make_sample(name, field_nm=6.0, **PERFECT[name])
    places = np.column_stack([made.y_nm, made.x_nm])
    gaps = KDTree(places).query(places[made.inside()], k=2)[0][:, 1]
    assert gaps == pytest.approx(made.bond_nm, rel=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_samples_are_functions_of_their_seed(name):
    one, same, other = (make_sample(name, field_nm=8.0, seed=s) for s in (3, 3, 4))
    assert all(np.array_equal(getattr(one, c), getattr(same, c)) for c in COLUMNS)
    assert len(one) != len(other) or not np.allclose(one.y_nm, other.y_nm)


@pytest.mark.parametrize("name", RECIPES)
def test_columns_are_of_one_length_and_finite(name):
    made = make_sample(name, field_nm=8.0)
    for column in COLUMNS:
        values = getattr(made, column)
        assert values.shape == (len(made),)
        if values.dtype.kind == "f":
            assert np.isfinite(values).all()
    assert (made.intensity > 0).all()


def graphene(**options):
    base = {**PERFECT["graphene"], **options}
    return make_sample("graphene", field_nm=10.0, seed=1, **base)


def test_each_vacancy_takes_one_atom_and_marks_three():
    made = graphene(vacancies=5)
    assert len(graphene()) - len(made) == 5
    assert (made.tag == Tag.VACANCY_NEIGHBOUR).sum() == 15


def test_silicon_replaces_one_or_two_carbons_in_turn():
    made = graphene(dopants=6)
    silicon = made.tag == Tag.DOPANT
    assert silicon.sum() == 6
    assert set(made.species[silicon]) == {"Si"}
    assert len(graphene()) - len(made) == 3
    places = np.column_stack([made.y_nm, made.x_nm])
    bonds = KDTree(places).query_ball_point(places[silicon], 0.21, return_length=True) - 1
    assert sorted(bonds.tolist()) == [3, 3, 3, 4, 4, 4]


def test_a_turned_bond_makes_two_pentagons_and_two_heptagons():
    made = graphene(stone_wales=1)
    assert len(made) == len(graphene())
    assert (made.tag == Tag.RING).sum() == 16
    places = np.column_stack([made.y_nm, made.x_nm])
    odd = made.tag == Tag.RING
    gaps = KDTree(places).query(places[odd], k=4)[0][:, 1:]
    assert gaps.min() > 0.125
    assert gaps.max() < 0.16


def test_a_hole_empties_its_area_and_leaves_no_dangling_atoms():
    made = graphene(holes=1, hole_radius_nm=1.5)
    lost = (len(graphene()) - len(made)) / 38.18
    assert lost == pytest.approx(np.pi * 1.5**2, rel=0.25)
    places = np.column_stack([made.y_nm, made.x_nm])
    inner = made.inside()
    bonds = KDTree(places).query_ball_point(places[inner], 0.175, return_length=True) - 1
    assert bonds.min() >= 2
    assert set(made.tag[inner][bonds == 2].tolist()) == {Tag.EDGE}


def test_a_grain_boundary_is_a_line_of_fives_and_sevens_between_two_lattices():
    made = graphene(grain_boundary_deg=21.8)
    assert set(made.domain.tolist()) == {0, 1}
    ring = made.tag == Tag.RING
    boundary_x = 5.0 + 0.15 * (made.y_nm[ring] - 5.0)
    assert np.abs(made.x_nm[ring] - boundary_x).max() < 1.0
    places = np.column_stack([made.y_nm, made.x_nm])
    gaps = KDTree(places).query(places[made.inside()], k=2)[0][:, 1]
    assert gaps.min() > 0.12


def test_an_amorphous_patch_has_no_lattice_but_a_hard_core():
    made = graphene(amorphous_radius_nm=2.0)
    patch = made.tag == Tag.AMORPHOUS
    assert patch.sum() > 300
    places = np.column_stack([made.y_nm, made.x_nm])[patch]
    gaps = KDTree(places).query(places, k=2)[0][:, 1]
    assert gaps.min() >= 0.8 * made.bond_nm
    assert gaps.std() > 0.005
    assert set(made.domain[patch].tolist()) == {-1}


def test_strontium_vacancies_dim_their_columns():
    made = make_sample("SrTiO3", field_nm=10.0, a_site_vacancies=0.05, seed=2)
    strontium = made.species == "Sr"
    levels = np.unique(made.intensity[strontium])
    assert levels[0] == pytest.approx(levels[1] / 2)
    assert levels[1] > 2 * made.intensity[~strontium].max()


def test_sulphur_vacancies_dim_or_remove_columns():
    made = make_sample("MoS2", field_nm=9.0, single_vacancies=7, double_vacancies=4, dopants=5, seed=3)
    whole = make_sample("MoS2", field_nm=9.0, **PERFECT["MoS2"], seed=3)
    assert len(whole) - len(made) == 4
    single = made.species == "S"
    assert single.sum() == 7
    assert made.intensity[single] * 2 == pytest.approx(made.intensity[made.species == "S2"][0])
    assert set(made.species[made.tag == Tag.DOPANT].tolist()) == {"V"}
    assert (made.species == "V").sum() == 5


def test_a_hole_in_a_crystal_has_a_rim():
    made = make_sample("MoS2", field_nm=9.0, holes=1, seed=3)
    whole = make_sample("MoS2", field_nm=9.0, seed=3)
    assert len(whole) - len(made) > 10
    assert (made.tag == Tag.EDGE).sum() > 8


def polar(**options):
    made = make_sample("BiFeO3", field_nm=12.0, margin_nm=0.5, rotation_deg=0.0, seed=1, **options)
    iron = (made.species == "Fe") & made.inside()
    return made, iron


def test_iron_is_displaced_by_what_was_asked():
    made, iron = polar(walls_180=0, walls_71=0, displacement_nm=0.03)
    assert made.polarisation_x_nm[iron] == pytest.approx(0.03, abs=1e-6)
    assert made.polarisation_y_nm[iron] == pytest.approx(0.03, abs=1e-6)
    assert iron.sum() / 144 == pytest.approx(1 / 0.3965**2, rel=0.03)


def test_polarisation_turns_over_across_a_180_degree_wall():
    made, iron = polar(walls_180=1, walls_71=0)
    down, right = made.polarisation_y_nm[iron], made.polarisation_x_nm[iron]
    far = np.abs(down) > 0.034
    assert down[far] == pytest.approx(right[far], abs=1e-3)
    assert {-1.0, 1.0} == set(np.sign(down[far]).tolist())
    assert set(made.domain[iron].tolist()) == {0, 3}


def test_only_one_component_turns_over_across_a_71_degree_wall():
    made, iron = polar(walls_180=0, walls_71=1)
    assert (made.polarisation_y_nm[iron] > 0.03).all()
    assert made.polarisation_x_nm[iron].min() < -0.034
    assert made.polarisation_x_nm[iron].max() > 0.034


def test_walls_have_the_width_that_was_asked():
    made, iron = polar(walls_180=0, walls_71=1, wall_width_nm=2.0)
    wall = made.y_nm[iron & (made.tag == Tag.WALL)]
    assert np.ptp(wall) == pytest.approx(2.0, abs=0.5)


def test_the_lattice_shears_the_other_way_beyond_a_71_degree_wall():
    made, _ = polar(walls_180=0, walls_71=1)
    bismuth = np.column_stack([made.y_nm, made.x_nm])[(made.species == "Bi") & made.inside()]
    down = bismuth + np.array([0.3965, 0.0])
    gap, nearest = KDTree(bismuth).query(down)
    has = gap < 0.1
    slip = (bismuth[nearest] - bismuth)[has, 1]
    assert np.percentile(slip, 25) == pytest.approx(-2 * 0.0052 * 0.3965, rel=0.1)
    assert np.percentile(slip, 75) == pytest.approx(2 * 0.0052 * 0.3965, rel=0.1)


def test_turning_the_crystal_turns_the_polarisation():
    made = make_sample("BiFeO3", field_nm=8.0, walls_180=0, walls_71=0, rotation_deg=30.0)
    iron = (made.species == "Fe") & made.inside()
    angle = np.rad2deg(np.arctan2(made.polarisation_y_nm[iron], made.polarisation_x_nm[iron]))
    assert angle == pytest.approx(75.0, abs=1e-3)


def test_an_amorphous_film_keeps_its_hard_core_and_nothing_else():
    made = make_sample("amorphous", field_nm=10.0, apart_nm=0.25)
    places = np.column_stack([made.y_nm, made.x_nm])
    gaps = KDTree(places).query(places, k=2)[0][:, 1]
    assert gaps.min() >= 0.25
    assert np.ptp(gaps) > 0.05
    assert set(made.tag.tolist()) == {Tag.AMORPHOUS}


def test_an_amorphous_film_of_an_unknown_element_is_refused():
    with pytest.raises(BadParameters, match="Xx"):
        make_sample("amorphous", species="Xx")


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(NotFound, match="graphene"):
        make_sample("unobtainium")


def test_an_unknown_option_names_the_known_ones():
    with pytest.raises(BadParameters, match="vacancies"):
        make_sample("graphene", vacuums=3)


@pytest.mark.parametrize("field", [0.0, -1.0, 1e6])
def test_impossible_fields_are_refused(field):
    with pytest.raises(BadParameters):
        make_sample("graphene", field_nm=field)
