from __future__ import annotations

import numpy as np
import pytest
from gaussian_atoms import Scene, hexagonal, render
from hypothesis import given, settings
from images import images, log_params
from scipy.spatial import KDTree
from sklearn.metrics import roc_auc_score

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.refine import Refined, refine
from paretoscope.deadline import Deadline
from paretoscope.errors import BadParameters

METHODS = ["none", "parabola", "gaussian"]


def found(scene: Scene, threshold: float = 0.05) -> Blobs:
    sigma = scene.sigma_px
    return detect_blobs(
        scene.image,
        LogParams(sigma_min=0.6 * sigma, sigma_max=1.5 * sigma, threshold=threshold, overlap=0.3),
    )


def errors(scene: Scene, atoms: Refined, rim_px: float = 8.0) -> tuple[np.ndarray, np.ndarray]:
    """Signed errors of y and x, px, and what was claimed for them, of the atoms away from the rim."""
    points = np.stack([atoms.y_px, atoms.x_px], axis=1)
    gap, nearest = KDTree(np.stack([scene.y_px, scene.x_px], axis=1)).query(points)
    rows, columns = scene.image.shape
    inner = (np.minimum(points, [rows, columns] - points) > rim_px).all(axis=1)
    use = inner & (gap < 0.2 * scene.neighbour_px)
    error = np.concatenate([(atoms.y_px - scene.y_px[nearest])[use], (atoms.x_px - scene.x_px[nearest])[use]])
    return error, np.concatenate([atoms.y_error_px[use], atoms.x_error_px[use]])


def rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))


@pytest.mark.parametrize(("noise", "within_px"), [(0.0, 0.01), (0.02, 0.03), (0.1, 0.12)])
def test_a_gaussian_fit_is_closer_to_the_truth_than_a_parabola_and_that_than_a_pixel(noise, within_px):
    scene = hexagonal(np.random.default_rng(0), (160, 160), neighbour_px=11, noise=noise)
    blobs = found(scene)
    whole, parabola, gaussian = (rms(errors(scene, refine(scene.image, blobs, m))[0]) for m in METHODS)
    assert gaussian < parabola < 0.5 * whole
    assert gaussian < within_px


def test_a_lone_clean_atom_is_measured_almost_exactly():
    image = (0.1 + 0.7 * render((41, 43), np.array([20.3]), np.array([21.8]), 2.6, np.ones(1))).astype("f4")
    blobs = detect_blobs(image, LogParams(sigma_min=2, sigma_max=4, threshold=0.1, overlap=0.5))
    atom = refine(image, blobs, "gaussian")
    assert len(atom) == 1
    measured = [c[0] for c in (atom.y_px, atom.x_px, atom.sigma_px, atom.amplitude, atom.background)]
    np.testing.assert_allclose(measured, [20.3, 21.8, 2.6, 0.7, 0.1], atol=2e-3)
    quick = refine(image, blobs, "parabola")
    np.testing.assert_allclose([quick.y_px[0], quick.x_px[0]], [20.3, 21.8], atol=0.05)
    assert quick.sigma_px[0] == pytest.approx(2.6, rel=0.03)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "noise",
    [{"noise": 0.03}, {"noise": 0.12}, {"counts_per_atom": 100.0}],
    ids=["little", "much", "Poisson"],
)
def test_claimed_errors_are_the_errors_made(method, noise):
    """For a normal distribution half the errors are below 0.67 of one standard deviation."""
    scene = hexagonal(np.random.default_rng(1), (256, 256), neighbour_px=11, **noise)
    error, claimed = errors(scene, refine(scene.image, found(scene), method))
    assert len(error) > 500
    assert 0.5 < np.median(np.abs(error) / claimed) < 0.9
    assert 0.6 < rms(error / claimed) < 1.5


@pytest.mark.parametrize(
    ("scene", "most"),
    [
        ({"neighbour_px": 11.0, "counts_per_atom": 100.0}, 1.1),
        # What is left here is no noise: with vacancies about, overlapping atoms pull each other off.
        ({"neighbour_px": 8.0, "sigma_px": 2.4, "jitter_px": 0.05, "counts_per_atom": 1000.0}, 1.7),
    ],
    ids=["shot noise", "overlapping columns"],
)
def test_a_fit_knows_that_neighbours_and_shot_noise_add_to_its_error(scene, most):
    scene = hexagonal(np.random.default_rng(7), (256, 256), **scene)
    error, claimed = errors(scene, refine(scene.image, found(scene), "gaussian"))
    assert len(error) > 500
    assert 0.85 < rms(error / claimed) < most


def test_widths_of_overlapping_atoms_do_not_run_away():
    scene = hexagonal(np.random.default_rng(8), (160, 160), neighbour_px=8, sigma_px=2.6, noise=0.03)
    atoms = refine(scene.image, found(scene), "gaussian")
    assert np.median(np.abs(np.log(atoms.sigma_px / scene.sigma_px))) < 0.25


def test_twice_the_noise_is_twice_the_error():
    claims = []
    for noise in (0.05, 0.1):
        scene = hexagonal(np.random.default_rng(2), (160, 160), neighbour_px=11, noise=noise)
        claims.append(np.median(refine(scene.image, found(scene, 0.1), "gaussian").y_error_px))
    assert claims[1] / claims[0] == pytest.approx(2, rel=0.15)


@pytest.mark.parametrize("method", METHODS)
def test_confidence_tells_atoms_from_chance_maxima_of_noise(method):
    scene = hexagonal(np.random.default_rng(3), (256, 256), neighbour_px=14, vacancies=0.3, noise=0.25)
    blobs = found(scene, 0.02)
    atoms = refine(scene.image, blobs, method)
    gap, _ = KDTree(np.stack([scene.y_px, scene.x_px], axis=1)).query(np.stack([blobs.y_px, blobs.x_px], 1))
    real = gap < 0.25 * scene.neighbour_px
    assert 100 < real.sum() < len(real) - 100
    assert roc_auc_score(real, atoms.confidence) > 0.97
    assert atoms.confidence[real].mean() > 0.9
    assert atoms.confidence[~real].mean() < 0.2


def test_pure_noise_earns_no_confidence():
    noise = np.random.default_rng(4).random((200, 200), dtype=np.float32)
    blobs = detect_blobs(noise, LogParams(sigma_min=1.5, sigma_max=3, threshold=0.02, overlap=0.3))
    assert len(blobs) > 200
    assert refine(noise, blobs, "parabola").confidence.mean() < 0.1


@settings(deadline=None, max_examples=60)
@given(image=images(32), params=log_params())
def test_whatever_comes_in_no_column_holds_nan_and_positions_stay_in_the_image(image, params):
    blobs = detect_blobs(image, params, cap=200)
    for method in METHODS:
        atoms = refine(image, blobs, method)
        for name, column in vars(atoms).items():
            assert column.dtype == np.float32
            assert column.shape == (len(blobs),)
            assert np.isfinite(column).all(), name
        assert np.all((atoms.y_px >= -0.5) & (atoms.y_px <= image.shape[0] - 0.5))
        assert np.all((atoms.x_px >= -0.5) & (atoms.x_px <= image.shape[1] - 0.5))
        assert np.all((atoms.confidence >= 0) & (atoms.confidence <= 1))
        assert np.all(atoms.y_error_px > 0)
        assert np.all(atoms.x_error_px > 0)
        assert np.all(atoms.sigma_px > 0)


def test_atoms_cut_by_the_rim_are_fitted_from_what_is_there():
    y, x = np.array([0.4, 30.0, 59.2, 30.0]), np.array([30.0, 0.2, 30.0, 58.9])
    image = (0.2 + 0.6 * render((60, 60), y, x, 2.5, np.ones(4))).astype(np.float32)
    blobs = detect_blobs(image, LogParams(sigma_min=1.5, sigma_max=4, threshold=0.1, overlap=0.5))
    atoms = refine(image, blobs, "gaussian")
    gap, nearest = KDTree(np.stack([y, x], 1)).query(np.stack([atoms.y_px, atoms.x_px], 1))
    assert sorted(nearest) == [0, 1, 2, 3]
    assert gap.max() < 0.1


def test_a_passed_deadline_gives_the_parabola_and_a_near_one_its_best_so_far():
    scene = hexagonal(np.random.default_rng(5), (160, 160), neighbour_px=11, noise=0.02)
    blobs = found(scene)
    ticks = iter(range(10_000))
    late = refine(scene.image, blobs, "gaussian", deadline=Deadline(-1.0, clock=lambda: 0.0))
    soon = refine(scene.image, blobs, "gaussian", deadline=Deadline(2.0, clock=lambda: float(next(ticks))))
    quick, full = refine(scene.image, blobs, "parabola"), refine(scene.image, blobs, "gaussian")
    np.testing.assert_array_equal(late.y_px, quick.y_px)
    best, cut, least = (rms(errors(scene, atoms)[0]) for atoms in (full, soon, quick))
    assert best <= cut < least


def test_no_blobs_give_empty_columns():
    atoms = refine(np.eye(20, dtype=np.float32), Blobs.none(), "gaussian")
    assert len(atoms) == 0
    assert all(column.shape == (0,) for column in vars(atoms).values())


def test_an_unknown_method_is_refused():
    with pytest.raises(BadParameters, match="parabola"):
        refine(np.eye(20, dtype=np.float32), Blobs.none(), "spline")
