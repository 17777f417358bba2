"""Atoms without a lattice: how wide they are, where nothing is, and how many to expect."""

from __future__ import annotations

import numpy as np
import pytest

from paretoscope.core.blob_width import blob_width
from paretoscope.core.expected import DISORDERED, VACUUM, expect
from paretoscope.core.intensity import to_unit
from paretoscope.optimise.space import BLOB_BOUNDS, LogSpace
from paretoscope_sim import make_sample
from paretoscope_sim.imaging import Scan, render


def seen(name, field_nm, dose=1.0, shape=(192, 192), seed=0, **options):
    """Image, marked atoms (n, 2) as (y, x) px, and the probe's width, px."""
    sample = make_sample(name, field_nm=field_nm, seed=seed, **options)
    scan = Scan(shape=shape, field_of_view_nm=field_nm, dwell_us=32.0 * dose)
    frame = render(sample, scan, seed)
    truth = frame.truth.visible()
    atoms = np.column_stack([truth.y_px, truth.x_px])
    if name == "single-atoms":
        atoms = atoms[truth.sample.species != "C"]
    return to_unit(frame.image), atoms, scan.probe.sigma_nm / scan.pixel_size_nm


@pytest.mark.parametrize("dose", [2.0, 0.3, 0.05])
@pytest.mark.parametrize("field_nm", [4.0, 7.0, 11.0])
def test_the_width_of_single_atoms_is_measured_at_any_magnification_and_dose(field_nm, dose):
    image, _, sigma_px = seen("single-atoms", field_nm, dose, seed=2)
    assert blob_width(image, np.ones_like(image)) == pytest.approx(max(sigma_px, 0.75), rel=0.25)


@pytest.mark.parametrize("dose", [1.0, 0.1])
def test_single_atoms_are_looked_for_at_their_own_scale_when_a_count_is_given(dose):
    image, atoms, sigma_px = seen("single-atoms", 9.0, dose, seed=1)
    told = expect(image, count=len(atoms))
    assert told.blob_sigma_px == pytest.approx(sigma_px, rel=0.25)
    space = LogSpace(told.neighbour_px, blob_sigma_px=told.blob_sigma_px)
    low, high = space.sigma_bounds_px
    assert low < 1.1 * sigma_px < np.sqrt(3) * 0.9 * sigma_px < high
    assert high == pytest.approx(BLOB_BOUNDS[1] * told.blob_sigma_px)
    assert told.minimum_distance_px < 4.0 * sigma_px


@pytest.mark.parametrize("dose", [1.0, 0.1])
def test_a_dense_film_goes_by_the_distance_of_its_neighbours(dose):
    image, atoms, sigma_px = seen("amorphous", 4.0, dose, seed=1)
    told = expect(image, count=len(atoms))
    assert told.blob_sigma_px is None
    assert 4.0 * sigma_px < told.neighbour_px < 9.0 * sigma_px


@pytest.mark.parametrize("dose", [1.0, 0.1])
def test_vacuum_beside_a_film_is_not_counted(dose):
    image, atoms, _ = seen("single-atoms", 10.0, dose, seed=3, vacuum=0.35)
    told = expect(image, count=len(atoms))
    empty = told.mask == VACUUM
    assert 0.2 < empty.mean() < 0.42
    assert told.n_expected == pytest.approx(len(atoms))
    assert (told.kind_at(*atoms.T) == DISORDERED).mean() > 0.95


@pytest.mark.parametrize("dose", [1.0, 0.1])
@pytest.mark.parametrize("name", ["amorphous", "single-atoms"])
def test_a_film_that_fills_the_frame_has_no_vacuum(name, dose):
    image, _, _ = seen(name, 6.0, dose, seed=5)
    assert not (expect(image).mask == VACUUM).any()


def test_a_number_that_is_not_given_is_said_to_be_guessed():
    image, atoms, _ = seen("single-atoms", 8.0, seed=6)
    told = expect(image)
    assert "guess" in (told.note or "")
    assert 0.4 * len(atoms) < told.n_expected < 2.5 * len(atoms)


def test_a_density_counts_the_area_that_is_not_empty():
    image, _, _ = seen("single-atoms", 10.0, seed=3, vacuum=0.35)
    told = expect(image, pixel_size_nm=10.0 / 192, density_per_nm2=0.4)
    assert told.n_expected == pytest.approx(0.4 * told.area_px * (10.0 / 192) ** 2)
    assert told.area_px < 0.8 * image.size
