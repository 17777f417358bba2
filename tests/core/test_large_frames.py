"""A large frame is looked at in tiles: the same atoms are expected, in memory and time that stay bounded."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.lattice_images import disc, scene
from paretoscope.core import expected, scattered, tiled_placement
from paretoscope.core.expectation import DISORDERED, LATTICE, VACUUM
from paretoscope.core.expected import expect
from paretoscope.core.tiled_placement import binned, tiles_from_the_middle
from paretoscope.core.windows import MOST_A_SIDE, WindowGrid

SHAPE = (720, 800)


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch):
    for module in (expected, scattered, tiled_placement):
        monkeypatch.setattr(module, "TILE_PX", 256, raising=False)
        monkeypatch.setattr(module, "LARGEST", 384 * 384)


def share(expectation, kind: int) -> float:
    return float((expectation.mask == kind).mean())


@pytest.mark.parametrize("kind", ["graphene", "perovskite"])
def test_in_tiles_as_many_atoms_are_expected_as_there_are(kind):
    truth = scene(kind, 15.0, 21.0, SHAPE, dose=12)
    found = expect(truth.image)
    assert found.n_expected == pytest.approx(len(truth.y_px), rel=0.02)
    assert share(found, LATTICE) > 0.99
    assert found.shape == SHAPE
    assert "240 x 272 of 720 x 800 px" in (found.note or "")


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.35, 0.3)])
def test_a_hole_across_seams_is_one_hole(centre):
    hole = disc(SHAPE, 0.15, centre)
    truth = scene("perovskite", 15.0, 21.0, SHAPE, hole=hole, dose=12)
    found = expect(truth.image)
    assert found.n_expected == pytest.approx(len(truth.y_px), rel=0.03)
    assert share(found, VACUUM) == pytest.approx(0.15, abs=0.02)
    y, x = (np.arange(side) for side in SHAPE)
    kinds = found.kind_at(*(a.ravel() for a in np.meshgrid(y, x, indexing="ij"))).reshape(SHAPE)
    assert (kinds == np.where(hole, VACUUM, LATTICE)).mean() > 0.97


def test_where_the_middle_shows_no_lattice_another_tile_does():
    film = disc(SHAPE, 0.25)
    truth = scene("perovskite", 15.0, 14.0, SHAPE, film=film, dose=20)
    found = expect(truth.image)
    assert found.source == "lattice-occupied-area"
    assert share(found, DISORDERED) == pytest.approx(0.25, abs=0.05)
    assert found.n_expected == pytest.approx(len(truth.y_px), rel=0.05)


def test_a_grain_turned_against_the_first_tiles_is_counted():
    left, right = scene("graphene", 15.0, 5.0, SHAPE, dose=30), scene("graphene", 15.0, 25.0, SHAPE, dose=30)
    image = np.where(np.arange(SHAPE[1]) < 300, left.image, right.image)
    atoms = (left.x_px < 300).sum() + (right.x_px >= 300).sum()
    assert expect(image).n_expected == pytest.approx(atoms, rel=0.05)


def test_a_given_lattice_is_placed_in_tiles_too():
    truth = scene("square", 12.0, 10.0, SHAPE, dose=20)
    found = expect(truth.image, 0.025, "a=0.3,b=0.3,gamma=90,basis=0:0:C")
    assert found.n_expected == pytest.approx(len(truth.y_px), rel=0.02)
    assert found.neighbour_px == pytest.approx(12.0, rel=0.01)


def test_noise_without_a_lattice_says_so_and_a_count_is_spread_over_all_of_it():
    noise = np.random.default_rng(0).random(SHAPE, dtype=np.float32)
    found = expect(noise)
    assert found.source == "density"
    assert "no lattice seen" in (found.note or "")
    assert expect(noise, count=500).n_expected == pytest.approx(500, rel=1e-6)


@given(shape=st.tuples(st.integers(400, 9000), st.integers(400, 9000)))
def test_tiles_cover_a_frame_once(shape):
    tiles = tiles_from_the_middle(shape, 8)
    assert sum((y.stop - y.start) * (x.stop - x.start) for y, x in tiles) == shape[0] * shape[1]
    assert all(side.start % 8 == 0 for tile in tiles for side in tile)
    assert max(side.stop - side.start for tile in tiles for side in tile) <= 1.5 * 256 + 8


def test_binning_keeps_the_mean():
    image = np.arange(24, dtype=np.float32).reshape(4, 6)
    np.testing.assert_array_equal(binned(image, 2), [[3.5, 5.5, 7.5], [15.5, 17.5, 19.5]])
    assert binned(np.ones((5, 7), dtype=np.float32), 2).shape == (2, 3)


@given(side=st.integers(100, 16384), size=st.integers(32, 512), step=st.sampled_from([0.1, 0.2, 0.5, 1.0]))
def test_there_are_never_more_windows_than_a_map_can_show(side, size, step):
    grid = WindowGrid.over((side, side // 2), size, step)
    assert max(grid.grid) <= MOST_A_SIDE
    assert grid.height_px >= min(size, side // 2)


def test_many_windows_first_move_apart_and_then_grow():
    assert WindowGrid.over((2048, 2048), 128, 0.5).grid == (31, 31)
    touching = WindowGrid.over((4096, 4096), 128, 0.5)
    assert (touching.grid, touching.height_px) == ((32, 32), 128)
    assert WindowGrid.over((8192, 8192), 128, 0.5).height_px > 256 - 8
