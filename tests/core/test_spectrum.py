"""Cells estimated from simulated images of known lattices."""

from __future__ import annotations

import numpy as np
import pytest

from core.lattice_images import disc, random_film, scene
from paretoscope.core.spectrum import estimate_cell, survey


def check(image, truth, columns=None, tolerance=0.003):
    cell = estimate_cell(image)
    assert cell is not None
    true_area = abs(np.linalg.det(truth.vectors_px))
    true_density = truth.columns / true_area
    assert cell.density_per_px == pytest.approx(true_density, rel=2 * tolerance)
    if columns is not None:
        assert len(cell.basis) == columns
        assert cell.area_px == pytest.approx(true_area * columns / truth.columns, rel=tolerance)
    return cell


@pytest.mark.parametrize("angle_deg", [0.0, 17.0, 45.0, 71.0, 90.0])
@pytest.mark.parametrize(
    ("kind", "columns"), [("graphene", 2), ("MoS2", 2), ("perovskite", 2), ("oblique", 1), ("dumbbell", 2)]
)
def test_the_cell_and_its_columns_are_found_at_any_angle(kind, columns, angle_deg):
    truth = scene(kind, 19.0, angle_deg, dose=20, seed=int(angle_deg))
    check(truth.image, truth, columns)


@pytest.mark.parametrize(
    ("kind", "a_px"),
    [("square", 4.0), ("perovskite", 5.0), ("graphene", 7.0), ("graphene", 27.0), ("perovskite", 40.0)],
)
def test_the_cell_is_found_at_any_sampling(kind, a_px):
    truth = scene(kind, a_px, 23.0, (384, 384), dose=30)
    check(truth.image, truth)


@pytest.mark.parametrize("dose", [2.0, 5.0, None])
def test_few_electrons_are_enough(dose):
    truth = scene("graphene", 17.0, 31.0, (384, 384), dose=dose, seed=4)
    cell = check(truth.image, truth, 2, 0.002)
    lengths = np.hypot(*cell.vectors_px.T)
    assert lengths == pytest.approx([17.0, 17.0], rel=0.001)


@pytest.mark.parametrize("share", [0.1, 0.25, 0.4])
@pytest.mark.parametrize("kind", ["graphene", "MoS2", "rectangle"])
def test_a_hole_does_not_mislead(kind, share):
    truth = scene(kind, 15.0, 12.0, (384, 384), hole=disc((384, 384), share, (0.45, 0.55)), dose=10)
    check(truth.image, truth, 2)


def test_heights_tell_heavy_columns_from_light_ones():
    truth = scene("perovskite", 24.0, 8.0, dose=60)
    cell = check(truth.image, truth, 2)
    assert cell.heights[0] == pytest.approx(1.0)
    assert cell.heights[1] == pytest.approx(0.5, abs=0.1)


def test_columns_lie_where_they_were_drawn():
    truth = scene("MoS2", 22.0, 33.0, dose=60)
    cell = check(truth.image, truth, 2)
    difference = (cell.basis[1] - cell.basis[0]) @ cell.vectors_px
    nearest = min(
        np.hypot(*(difference + np.array([i, j]) @ cell.vectors_px)) for i in (-1, 0, 1) for j in (-1, 0, 1)
    )
    assert nearest == pytest.approx(22.0 / np.sqrt(3.0), rel=0.04)
    assert cell.neighbour_px == pytest.approx(22.0 / np.sqrt(3.0), rel=0.04)


def test_two_grains_are_not_taken_for_their_coincidence_lattice():
    left, right = scene("graphene", 18.0, 10.0, (384, 384)), scene("graphene", 18.0, 38.0, (384, 384))
    both = np.where(np.arange(384) < 192, left.image, right.image)
    check(both, left, 2, 0.01)


@pytest.mark.parametrize("seed", range(4))
def test_disorder_has_no_cell_and_says_why(seed):
    rng = np.random.default_rng(seed)
    film = random_film((256, 256), 10 + 4 * seed, 3.0, rng)
    found = survey((film / film.max()).astype(np.float32))
    assert found.cell is None
    assert found.reason


def test_noise_has_no_cell():
    assert estimate_cell(np.random.default_rng(1).random((256, 256)).astype(np.float32)) is None


@pytest.mark.parametrize("shape", [(1, 1), (3, 400), (16, 16), (64, 48)])
def test_tiny_images_are_answered_without_a_crash(shape):
    image = np.random.default_rng(0).random(shape).astype(np.float32)
    found = survey(image)
    assert (found.cell is None) == bool(found.reason)
    assert estimate_cell(np.zeros(shape, dtype=np.float32)) is None


def test_the_estimate_does_not_depend_on_scale_or_offset_of_the_brightness():
    truth = scene("graphene", 14.0, 5.0, dose=20)
    first, second = estimate_cell(truth.image), estimate_cell(0.2 * truth.image + 0.5)
    assert first is not None
    assert second is not None
    assert second.vectors_px == pytest.approx(first.vectors_px, rel=1e-3, abs=1e-3)
