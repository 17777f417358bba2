"""A large frame is worked through in strips; nobody downstream may notice."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_atoms import hexagonal
from hypothesis import given, settings
from hypothesis import strategies as st
from images import images, log_params
from oracle import assert_same_blobs
from scipy import ndimage

from paretoscope.contract import LogParams
from paretoscope.core import scale_space
from paretoscope.core.blobs import detect_blobs
from paretoscope.core.peaks import spatial_maxima
from paretoscope.core.scale_space import log_stack, strip_rows


@pytest.fixture(params=[3, 8, 17])
def low_strips(request, monkeypatch):
    monkeypatch.setattr(scale_space, "STRIP_ROWS", request.param)


@given(rows=st.integers(1, 20_000))
def test_strips_cover_a_frame_once_and_are_of_one_height(rows):
    strips = strip_rows(rows)
    assert [row for first, last in strips for row in range(first, last)] == list(range(rows))
    heights = [last - first for first, last in strips]
    assert max(heights) - min(heights) <= 1
    assert max(heights) <= 1.5 * scale_space.STRIP_ROWS


@pytest.mark.usefixtures("low_strips")
@pytest.mark.parametrize("shape", [(40, 31), (9, 60), (5, 5), (64, 20)])
def test_responses_do_not_depend_on_where_the_frame_was_cut(shape):
    image = np.random.default_rng(0).random(shape, dtype=np.float32)
    scales = np.array([0.7, 2.0, 5.0, 11.0], dtype=np.float32)
    scipys = np.stack([-ndimage.gaussian_laplace(image, float(s)) * s**2 for s in scales])
    np.testing.assert_allclose(log_stack(image, scales).numpy(), scipys, atol=1e-6, rtol=0)


@pytest.mark.usefixtures("low_strips")
@settings(deadline=None, max_examples=60)
@given(image=images(60), floor=st.sampled_from([-1.0, 0.0, 0.01]), low=st.floats(0.6, 3.0))
def test_every_pixel_on_a_seam_is_compared_with_the_values_of_the_strip_beyond(image, floor, low):
    scales = np.linspace(low, low + 4.0, 4, dtype=np.float32)
    maxima = spatial_maxima(image, scales, floor)
    stack = log_stack(image, scales).numpy()
    best = np.stack([ndimage.maximum_filter(plane, size=3, mode="nearest") for plane in stack])
    scale, y, x = np.nonzero((best == stack) & (stack > np.float32(floor)))
    mine = sorted(zip(maxima.scale.tolist(), maxima.y_px.tolist(), maxima.x_px.tolist(), strict=True))
    assert mine == list(zip(scale.tolist(), y.tolist(), x.tolist(), strict=True))
    k, place = maxima.scale, (maxima.y_px, maxima.x_px)
    np.testing.assert_array_equal(maxima.response, stack[k, *place])
    below = np.where(k > 0, best[k - 1, *place], -np.inf)
    above = np.where(k < 3, best[np.minimum(k + 1, 3), *place], -np.inf)
    np.testing.assert_array_equal(maxima.tops_below, below <= maxima.response)
    np.testing.assert_array_equal(maxima.tops_above, above <= maxima.response)


@pytest.mark.usefixtures("low_strips")
@settings(deadline=None, max_examples=60)
@given(image=images(40), params=log_params())
def test_blobs_of_a_frame_in_strips_are_those_of_blob_log(image, params):
    assert_same_blobs(image, params, detect_blobs)


def test_a_constant_frame_has_no_blobs_however_it_is_cut(monkeypatch):
    image = np.zeros((30, 20), dtype=np.float32)
    for rows in (7, 512):
        monkeypatch.setattr(scale_space, "STRIP_ROWS", rows)
        maxima = spatial_maxima(image, np.array([1.0, 2.0], dtype=np.float32), -1.0)
        assert maxima.lowest.min() == maxima.highest.max() == 0.0


def test_a_tall_frame_in_real_strips_gives_the_blobs_of_blob_log():
    scene = hexagonal(np.random.default_rng(3), (1100, 90), neighbour_px=9, noise=0.2)
    params = LogParams(sigma_min=1.5, sigma_max=3.5, threshold=0.08, overlap=0.3, num_sigma=4)
    assert len(strip_rows(1100)) == 2
    assert assert_same_blobs(scene.image, params, detect_blobs) > 500
