"""What an image owes to physics and to its seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import KDTree

from paretoscope_sim import Scan, Tag, make_sample, render
from paretoscope_sim.imaging import Contamination, Damage, Drift, Mistilt, ScanNoise, ideal

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


def test_truth_follows_drift_within_the_frame_and_flyback():
    silicon = make_sample("graphene", field_nm=5.0, dopants=1, vacancies=0, stone_wales=0, holes=0,
                          amorphous_radius_nm=0.0)  # fmt: skip
    lone = silicon.take(silicon.tag == Tag.DOPANT)
    scan = replace(
        ideal(SMALL),
        current_pa=1500.0,
        centre_nm=(lone.y_nm[0] + 0.4, lone.x_nm[0] + 2.2),  # near the left rim
        drift=Drift((0.05, 0.08), 0.0),
        noise=ScanNoise(0.0, 0.0, 0.2, 400.0, 0.05),
    )
    frame, still = render(lone, scan, 1), render(lone, ideal(scan), 1)
    excess = frame.image.astype(float) - 800
    excess[excess < 0.05 * excess.max()] = 0
    rows, columns = np.indices(excess.shape)
    centre = (rows * excess).sum() / excess.sum(), (columns * excess).sum() / excess.sum()
    assert np.hypot(frame.truth.y_px - still.truth.y_px, frame.truth.x_px - still.truth.x_px) > 2.0
    assert centre == pytest.approx((frame.truth.y_px[0], frame.truth.x_px[0]), abs=0.1)


def test_a_missing_atom_darkens_its_place(graphene):
    scan = replace(ideal(SMALL), current_pa=1500.0)
    place = np.array([2.1, 2.5])
    gone = KDTree(np.column_stack([graphene.y_nm, graphene.x_nm])).query(place)[1]
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


def test_scan_noise_shifts_rows_but_keeps_the_truth(graphene):
    scan = replace(ideal(SMALL), noise=ScanNoise(0.03, 0.0, 0.0, 60.0, 0.0), current_pa=1500.0)
    jittered, still = render(graphene, scan, 1), render(graphene, replace(ideal(SMALL), current_pa=1500.0), 1)
    assert np.array_equal(jittered.truth.y_px, still.truth.y_px)
    difference = np.abs(jittered.image.astype(float) - still.image).mean()
    assert difference > 3 * np.sqrt(still.image.mean() * 20) / 10


def test_flyback_distorts_the_first_columns_only(graphene):
    scan = replace(ideal(SMALL), noise=ScanNoise(0.0, 0.0, 0.2, 200.0, 0.0))
    off = render(graphene, scan, 1).truth
    true = render(graphene, ideal(SMALL), 1).truth
    shift = off.x_px - true.x_px
    assert shift[(true.x_px > 0) & (true.x_px < 4)].min() > 2
    assert np.abs(shift[true.x_px > 80]).max() < 0.01


def test_contamination_brightens_and_grows(graphene):
    scan = replace(ideal(SMALL), contamination=Contamination(6.0, 0.05))
    clean, first, later = (
        render(graphene, s, 1, f).image.mean() for s, f in ((ideal(SMALL), 0), (scan, 0), (scan, 9))
    )
    assert clean < first < later


def test_contamination_does_not_bridge_holes():
    holed = make_sample("graphene", field_nm=5.0, hole_radius_nm=1.4, amorphous_radius_nm=0.0)
    scan = replace(SMALL, contamination=Contamination(20.0, 0.0))
    frame = render(holed, scan, 1)
    assert frame.image[40:50, 50:60].mean() < scan.detector.offset_counts + 10


def test_mistilt_dims_and_smears_columns_away_from_the_axis():
    crystal = make_sample("SrTiO3", field_nm=8.0)
    scan = Scan(shape=(256, 256), field_of_view_nm=8.0)
    bent = render(crystal, replace(ideal(scan), mistilt=Mistilt((0.0, 0.25))), 1)
    flat = render(crystal, ideal(scan), 1)
    ratio = (bent.image.astype(float) - 800) / (flat.image.astype(float) - 800).mean()
    assert ratio[:, 118:138].mean() > 1.3 * ratio[:, :20].mean()


def test_damage_grows_over_a_movie_and_starts_whole(graphene):
    scan = replace(SMALL, damage=Damage(per_frame=0.002))
    counts = [len(render(graphene, scan, 1, f).truth) for f in (0, 1, 5, 20)]
    assert counts[0] == len(graphene)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] < 0.97 * len(graphene)


def test_atoms_at_holes_leave_sooner():
    holed = make_sample("graphene", field_nm=8.0, amorphous_radius_nm=0.0, vacancies=0, seed=1)
    scan = replace(SMALL, damage=Damage(per_frame=0.0005, at_edges=100.0))
    after = render(holed, scan, 1, 10).truth.sample
    places = {(y, x) for y, x in zip(after.y_nm, after.x_nm, strict=True)}
    left = np.array([(y, x) not in places for y, x in zip(holed.y_nm, holed.x_nm, strict=True)])
    edge = holed.tag == Tag.EDGE
    assert left[edge].mean() > 5 * left[~edge].mean()


def test_thick_crystals_withstand_the_beam():
    crystal = make_sample("SrTiO3", field_nm=5.0)
    scan = replace(SMALL, damage=Damage(per_frame=0.5))
    assert len(render(crystal, scan, 1, 20).truth) == len(crystal)


def test_dopants_wander_but_stay_dopants(graphene):
    scan = replace(SMALL, damage=Damage(dopant_jumps_per_frame=0.5))
    later = render(graphene, scan, 1, 6).truth.sample
    before, after = graphene.species == "Si", later.species == "Si"
    assert before.sum() == after.sum() > 0
    assert not np.array_equal(before, after)


def test_the_detector_saturates_at_full_scale():
    crystal = make_sample("SrTiO3", field_nm=5.0)
    image = render(crystal, replace(SMALL, current_pa=5000.0), 1).image
    assert image.max() == 65535


@pytest.mark.parametrize("angle_deg", [90.0, 180.0])
def test_turning_the_scan_turns_the_image(graphene, angle_deg):
    square = replace(ideal(Scan(shape=(128, 128), field_of_view_nm=4.0)), current_pa=1500.0)
    still = render(graphene, square, 1).truth.visible()
    turned = render(graphene, replace(square, rotation_deg=angle_deg), 1).truth.visible()
    y, x = still.y_px - 63.5, still.x_px - 63.5
    expected = np.column_stack([-x, y] if angle_deg == 90.0 else [-y, -x]) + 63.5
    assert KDTree(np.column_stack([turned.y_px, turned.x_px])).query(expected)[0].max() < 1.0
