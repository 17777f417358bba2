"""Single pixels beyond all others do not decide what is seen."""

from __future__ import annotations

import numpy as np
import pytest

import paretoscope as ps
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.core.intensity import to_unit
from paretoscope_sim import Scan, make_sample, render


def frame(seed: int = 1) -> np.ndarray:
    scan = Scan(field_of_view_nm=3.0, shape=(144, 144))
    return render(make_sample("SrTiO3", field_nm=3.0, seed=1), scan, seed=seed).image.astype(np.float64)


@pytest.mark.parametrize(("value", "at"), [(1e6, (70, 33)), (-1e6, (5, 5)), (1e6, (0, 0))])
def test_one_hot_or_dead_pixel_changes_hardly_anything(value, at):
    clean, spoilt = frame(), frame()
    spoilt[at] = value
    cleaned = without_hot_pixels(spoilt)
    assert cleaned.places.tolist() == [at[0] * 144 + at[1]]
    repaired = cleaned.image
    rest = np.ones(clean.shape, dtype=bool)
    rest[at] = False
    assert np.abs(repaired - to_unit(clean))[rest].max() < 0.1


def test_an_image_with_a_hot_pixel_shows_the_same_atoms():
    spoilt = frame()
    spoilt[70, 33] = 1e6
    with_it = ps.analyze(spoilt, 3.0 / 144, "SrTiO3", budget_s=2.0)
    without = ps.analyze(frame(), 3.0 / 144, "SrTiO3", budget_s=2.0)
    assert len(with_it.atoms["y_px"]) == pytest.approx(len(without.atoms["y_px"]), abs=3)
    assert "1 hot or dead pixel" in (with_it.expected.note or "")


@pytest.mark.parametrize("seed", range(4))
def test_ordinary_images_are_left_as_they_are(seed):
    image = frame(seed)
    cleaned = without_hot_pixels(image)
    assert len(cleaned.places) == 0
    assert (cleaned.low, cleaned.high) == (image.min(), image.max())
    np.testing.assert_array_equal(cleaned.image, to_unit(image))


def test_sharp_atoms_on_an_empty_field_are_no_hot_pixels():
    y, x = np.mgrid[0:96, 0:96]
    image = np.exp(-((y - 40.2) ** 2 + (x - 51.4) ** 2) / (2 * 0.8**2))
    assert len(without_hot_pixels(image).places) == 0


@pytest.mark.parametrize("value", [1e9, -1e9])
def test_beside_a_pixel_a_million_times_as_strong_nothing_is_lost(value):
    spoilt = frame()
    spoilt[70, 33] = value
    cleaned = without_hot_pixels(spoilt)
    exact = (spoilt - cleaned.low) / (cleaned.high - cleaned.low)
    exact[70, 33] = cleaned.image[70, 33]
    np.testing.assert_allclose(cleaned.image, exact, atol=1e-7)
