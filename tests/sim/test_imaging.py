"""What an image owes to physics and to its seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from paretoscope_sim import Scan, Tag, make_sample, render
from paretoscope_sim.imaging import Drift, ideal

SMALL = Scan(shape=(160, 192), field_of_view_nm=5.0)


@pytest.fixture(scope="module")
def graphene():
    return make_sample("graphene", field_nm=(4.2, 5.0), holes=0, amorphous_radius_nm=0.0, seed=2)


def test_the_same_seed_gives_the_same_bytes(graphene):
    first, again = render(graphene, SMALL, 5, 3), render(graphene, SMALL, 5, 3)
    assert first.image.dtype == np.uint16
    assert first.image.tobytes() == again.image.tobytes()
    assert np.array_equal(first.truth.y_px, again.truth.y_px)


def test_another_seed_or_frame_gives_other_noise(graphene):
    first = render(graphene, SMALL, 5, 3).image
    assert not np.array_equal(first, render(graphene, SMALL, 6, 3).image)
    assert not np.array_equal(first, render(graphene, SMALL, 5, 4).image)


def test_atoms_are_bright_where_the_truth_says(graphene):
    frame = render(graphene, replace(ideal(SMALL), current_pa=1500.0), 1)
    truth = frame.truth.visible()
    inner = (truth.y_px > 8) & (truth.y_px < 150) & (truth.x_px > 8) & (truth.x_px < 180)
    at = frame.image[np.rint(truth.y_px[inner]).astype(int), np.rint(truth.x_px[inner]).astype(int)]
    assert np.median(at) > np.percentile(frame.image, 80)


def test_the_brightest_pixel_round_a_lone_atom_is_its_true_place():
    silicon = make_sample("graphene", field_nm=5.0, dopants=1, vacancies=0, stone_wales=0, holes=0,
                          amorphous_radius_nm=0.0)  # fmt: skip
    lone = silicon.take(silicon.tag == Tag.DOPANT)
    frame = render(lone, replace(ideal(SMALL), current_pa=1500.0, centre_nm=(lone.y_nm[0], lone.x_nm[0])), 1)
    excess = frame.image.astype(float) - np.median(frame.image)
    excess[excess < 0.05 * excess.max()] = 0
    rows, columns = np.indices(excess.shape)
    centre = (rows * excess).sum() / excess.sum(), (columns * excess).sum() / excess.sum()
    assert centre == pytest.approx((frame.truth.y_px[0], frame.truth.x_px[0]), abs=0.02)


def test_a_missing_atom_darkens_its_place(graphene):
    scan = replace(ideal(SMALL), current_pa=1500.0)
    place = np.array([2.1, 2.5])
    gone = cKDTree(np.column_stack([graphene.y_nm, graphene.x_nm])).query(place)[1]
    whole = render(graphene, scan, 1)
    less = render(graphene.take(np.arange(len(graphene)) != gone), scan, 1)
    y, x = round(whole.truth.y_px[gone]), round(whole.truth.x_px[gone])
    drop = whole.image.astype(float) - less.image
    assert np.unravel_index(np.argmax(drop), drop.shape) == pytest.approx((y, x), abs=2)


def test_twice_the_dose_halves_the_relative_noise_variance(graphene):
    def relative_variance(current_pa: float) -> float:
        scan = replace(ideal(SMALL), current_pa=current_pa)
        scan = replace(scan, detector=replace(scan.detector, readout_counts=0.0, offset_counts=0.0))
        stack = np.stack([render(graphene, scan, seed).image.astype(float) for seed in range(24)])
        return float((stack.var(axis=0, ddof=1).mean()) / stack.mean() ** 2)

    assert relative_variance(60.0) / relative_variance(30.0) == pytest.approx(0.5, abs=0.03)


def test_drift_moves_image_and_truth_together(graphene):
    scan = replace(ideal(SMALL), current_pa=1500.0, drift=Drift((0.03, -0.02), 0.03))
    first, later = render(graphene, scan, 4, 0), render(graphene, scan, 4, 1)
    moved = np.median(later.truth.y_px - first.truth.y_px), np.median(later.truth.x_px - first.truth.x_px)
    assert np.hypot(*moved) > 1.0
    a, b = (np.fft.fft2(f.image - f.image.mean()) for f in (first, later))
    peak = np.unravel_index(np.argmax(np.fft.ifft2(b * np.conj(a)).real), a.shape)
    seen = [(p + n // 2) % n - n // 2 for p, n in zip(peak, a.shape, strict=True)]
    assert seen == pytest.approx(moved, abs=1.0)


def test_a_blanked_beam_leaves_the_dark_image(graphene):
    dark = render(graphene, replace(SMALL, beam_on=False), 1).image
    assert dark.mean() == pytest.approx(SMALL.detector.offset_counts, abs=1)
    assert dark.std() == pytest.approx(SMALL.detector.readout_counts, rel=0.05)
