"""Expected counts against exact truth: full lattices, holes, films, grains, walls."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.lattice_images import disc, random_film, scene
from paretoscope.contract import Basis, LatticeSpec
from paretoscope.core.expectation import DISORDERED, LATTICE, VACUUM, Expectation
from paretoscope.core.expected import expect
from paretoscope.core.intensity import to_unit
from paretoscope.core.lattice import Lattice
from paretoscope.errors import BadLattice, BadParameters
from paretoscope_sim import Scan, make_sample, render

SIDE = 320
SHAPE = (SIDE, SIDE)


def share(expectation: Expectation, kind: int) -> float:
    return float((expectation.mask == kind).mean())


@pytest.mark.parametrize("kind", ["graphene", "MoS2", "perovskite", "oblique"])
@pytest.mark.parametrize("dose", [None, 6.0])
def test_a_full_lattice_counts_to_within_two_per_cent_and_up_to_the_border(kind, dose):
    truth = scene(kind, 17.0, 21.0, SHAPE, dose=dose)
    expected = expect(truth.image)
    assert expected.n_expected == pytest.approx(len(truth.y_px), rel=0.02)
    assert share(expected, LATTICE) > 0.995
    assert expected.source == "lattice-occupied-area"
    assert expected.label is not None
    assert expected.label.endswith("(estimated)")


@pytest.mark.parametrize("hole", [0.10, 0.25, 0.40])
@pytest.mark.parametrize("kind", ["graphene", "perovskite"])
def test_a_hole_is_left_out_to_within_five_per_cent(kind, hole):
    truth = scene(kind, 15.0, 21.0, SHAPE, hole=disc(SHAPE, hole, (0.4, 0.55)), dose=12)
    expected = expect(truth.image)
    assert expected.n_expected == pytest.approx(len(truth.y_px), rel=0.05)
    assert share(expected, VACUUM) == pytest.approx(hole, abs=0.02)
    assert share(expected, DISORDERED) < 0.01


def test_a_film_is_disordered_and_a_hole_is_vacuum_in_one_frame():
    film, hole = disc(SHAPE, 0.2, (0.65, 0.3)), disc(SHAPE, 0.1, (0.25, 0.75))
    truth = scene("perovskite", 15.0, 14.0, SHAPE, hole=hole, film=film, dose=20)
    expected = expect(truth.image)
    assert expected.n_expected == pytest.approx(len(truth.y_px), rel=0.05)
    assert share(expected, VACUUM) == pytest.approx(0.1, abs=0.03)
    assert share(expected, DISORDERED) == pytest.approx(0.2, abs=0.04)
    y_px, x_px = SIDE * np.array([0.65, 0.25, 0.03]), SIDE * np.array([0.3, 0.75, 0.03])
    kinds = expected.kind_at(y_px, x_px)
    assert kinds.tolist() == [DISORDERED, VACUUM, LATTICE]


@pytest.mark.parametrize(
    "displace",
    [
        lambda y, x: (1.5 * np.tanh((x - 150) / 10), 0.8 * np.tanh((x - 150) / 10)),
        lambda y, x: (0.0 * y, 0.02 * (x - 160) ** 2 / 320),
        lambda y, x: (3.0 * np.sin(x / 60), 2.0 * np.cos(y / 70)),
    ],
    ids=["domain wall", "strain", "scan drift"],
)
def test_walls_strain_and_drift_remain_lattice(displace):
    truth = scene("perovskite", 18.0, 14.0, SHAPE, dose=20, displace=displace)
    expected = expect(truth.image)
    assert share(expected, LATTICE) > 0.98
    assert expected.n_expected == pytest.approx(len(truth.y_px), rel=0.02)


def test_both_grains_of_a_boundary_are_counted():
    left, right = scene("graphene", 16.0, 10.0, SHAPE), scene("graphene", 16.0, 25.0, SHAPE)
    both = np.where(np.arange(SIDE) < 150, left.image, right.image)
    for given_lattice, pixel in ((None, None), ("graphene", 0.2461 / 16.0)):
        expected = expect(both, pixel, given_lattice)
        assert share(expected, LATTICE) > 0.93
        assert expected.n_expected == pytest.approx(len(left.y_px), rel=0.05)


def test_a_vacancy_is_no_hole():
    truth = scene("graphene", 16.0, 10.0, SHAPE, dose=20, vacancies=0.02)
    assert share(expect(truth.image), LATTICE) > 0.99


def test_a_given_lattice_is_recognised_in_spite_of_a_wrong_pixel_size():
    truth = scene("perovskite", 20.0, 33.0, SHAPE, dose=20)
    expected = expect(truth.image, 1.02 * 0.3905 / 20.0, "SrTiO3")
    assert expected.n_expected == pytest.approx(len(truth.y_px), rel=0.02)
    assert expected.label == "SrTiO3 (given by name)"
    assert expected.note is not None
    assert "given 0.3905 nm: +2.0%" in expected.note
    assert expected.neighbour_px == pytest.approx(20.0 / np.sqrt(2.0), rel=0.01)


def test_a_given_lattice_that_does_not_fit_is_said_so():
    truth = scene("graphene", 18.0, 33.0, SHAPE, dose=20)
    expected = expect(truth.image, 0.2461 / 18.0, "SrTiO3")
    assert expected.note is not None
    assert "does not show the given lattice" in expected.note


def test_pixels_may_be_oblong():
    truth = scene("perovskite", 20.0, 0.0, SHAPE)
    stretched = truth.image[::2]
    expected = expect(stretched, (2 * 0.3905 / 20.0, 0.3905 / 20.0), "SrTiO3")
    assert expected.n_expected == pytest.approx(len(truth.y_px), rel=0.03)


def test_the_plain_formula_of_the_paper_counts_the_whole_image():
    truth = scene("graphene", 15.0, 21.0, SHAPE, hole=disc(SHAPE, 0.25))
    pixel = 0.2461 / 15.0
    expected = expect(truth.image, pixel, "graphene", mode="plain")
    assert expected.source == "lattice-whole-image"
    density = Lattice.named("graphene").density_per_nm2
    assert expected.n_expected == pytest.approx(density * (SIDE * pixel) ** 2)
    assert expect(truth.image, mode="plain").n_expected == pytest.approx(expected.n_expected, rel=0.01)


def test_a_lattice_in_nm_wants_a_pixel_size():
    image = scene("graphene", 15.0).image
    spec = LatticeSpec(a_nm=0.4, b_nm=0.4, gamma_deg=90.0, basis=[Basis(x=0.0, y=0.0)])
    for lattice in ("graphene", "a=0.2461,gamma=120", spec, Lattice(0.2461, 0.2461, 120.0)):
        for mode in ("occupied", "plain"):
            with pytest.raises(BadLattice, match="pixel-size-nm") as failure:
                expect(image, None, lattice, mode)
            assert failure.value.code == "missing-pixel-size"


@pytest.mark.parametrize(
    "wrong",
    [{"mode": "guess"}, {"count": 0}, {"density_per_nm2": -1.0}, {"pixel_size_nm": 0.0}, {"count": np.nan}],
)
def test_impossible_wishes_are_refused(wrong):
    with pytest.raises(BadParameters):
        expect(np.zeros((64, 64), dtype=np.float32), **wrong)


def film_image(seed: int = 0, distance_px: float = 16.0) -> np.ndarray:
    film = random_film(SHAPE, distance_px, 0.22 * distance_px, np.random.default_rng(seed))
    return (film / film.max()).astype(np.float32)


def test_disorder_takes_the_users_density_or_count_and_says_so():
    image = film_image()
    by_density = expect(image, 0.02, density_per_nm2=10.0)
    assert (by_density.source, by_density.n_expected) == ("density", pytest.approx(10.0 * (SIDE * 0.02) ** 2))
    by_count = expect(image, count=321)
    assert (by_count.source, by_count.n_expected) == ("count", pytest.approx(321.0))
    for expected in (by_density, by_count):
        assert expected.note is not None
        assert "given" in expected.note
        assert expected.counts(np.array([5.0, 100.0]), np.array([7.0, 200.0])).all()


def test_disorder_without_a_word_is_guessed_and_called_a_guess():
    expected = expect(film_image(distance_px=16.0))
    true = (SIDE / (0.9 * 16.0)) ** 2
    assert expected.source == "density"
    assert 0.5 * true < expected.n_expected < 1.5 * true
    assert 8.0 < expected.neighbour_px < 24.0
    assert expected.note is not None
    assert "guess" in expected.note
    assert "give a lattice" in expected.note


def test_a_lattice_that_is_nowhere_to_be_seen_lends_its_density():
    expected = expect(film_image(), 0.015, "graphene")
    assert expected.source == "density"
    assert expected.density_per_px == pytest.approx(Lattice.named("graphene").density_per_nm2 * 0.015**2)
    assert expected.note is not None
    assert "no lattice seen" in expected.note


def small(mask: np.ndarray, step: int, shape: tuple[int, int], kinds: tuple[int, ...] = (1,)) -> Expectation:
    return Expectation.over_frame(shape, mask, step, 0.01, 8.0, "lattice-occupied-area", counted_kinds=kinds)


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(9, 40), st.integers(9, 40))
def test_windows_add_up_exactly(seed, step, rows, columns):
    rng = np.random.default_rng(seed)
    mask = rng.integers(0, 3, (-(-rows // step), -(-columns // step))).astype(np.uint8)
    whole = small(mask, step, (rows, columns))
    pixels = np.kron(mask, np.ones((step, step), dtype=np.uint8))[:rows, :columns]
    assert whole.area_px == pytest.approx(float((pixels == LATTICE).sum()))
    y, x = int(rng.integers(0, rows)), int(rng.integers(0, columns))
    height, width = int(rng.integers(1, rows + 5)), int(rng.integers(1, columns + 5))
    window = whole.inside(y, x, height, width)
    part = pixels[y : y + height, x : x + width]
    assert window.area_px == pytest.approx(float((part == LATTICE).sum()), abs=1e-6)
    assert window.n_expected == pytest.approx(0.01 * window.area_px)
    at_y, at_x = rng.integers(0, rows, 20), rng.integers(0, columns, 20)
    assert (window.kind_at(at_y, at_x) == pixels[at_y, at_x]).all()
    assert (window.counts(at_y, at_x) == (pixels[at_y, at_x] != DISORDERED)).all()


def test_a_window_over_nothing_expects_nothing_and_has_no_document():
    empty = small(np.zeros((4, 4), dtype=np.uint8), 4, (16, 16)).inside(0, 0, 8, 8)
    assert empty.n_expected == 0.0
    assert empty.document() is None


def test_the_document_says_what_it_is_made_of():
    expected = expect(scene("graphene", 15.0, 21.0, SHAPE).image)
    document = expected.document()
    assert document is not None
    assert document.value == pytest.approx(expected.density_per_px * expected.area_px)
    assert document.minimum_distance_px == pytest.approx(0.6 * document.neighbour_px)


def test_a_named_lattice_lends_its_density_to_a_film_in_which_no_atom_stands_out() -> None:
    film = render(
        make_sample("graphene", field_nm=2.0, seed=1), Scan(field_of_view_nm=2.0, shape=(128, 128)), seed=7
    ).image
    expectation = expect(to_unit(film), 2.0 / 128, "graphene")
    assert expectation.source == "density"
    assert expectation.n_expected == pytest.approx(Lattice.named("graphene").density_per_nm2 * 4.0, rel=0.1)


@pytest.mark.parametrize("seed", range(6))
def test_a_named_lattice_lends_nothing_to_noise(seed: int) -> None:
    noise = np.random.default_rng(seed).poisson(30.0, (128, 128))
    assert expect(to_unit(noise), 2.0 / 128, "graphene").n_expected == 0.0
