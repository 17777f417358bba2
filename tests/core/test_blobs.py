from __future__ import annotations

import numpy as np
import pytest
from gaussian_atoms import hexagonal
from hypothesis import example, given, settings
from hypothesis import strategies as st
from images import images, log_params
from oracle import assert_same_blobs, blob_keys, keys, skimage_blobs
from skimage.feature.blob import _blob_overlap, _prune_blobs

from paretoscope.contract import LogParams
from paretoscope.core import prune
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.intensity import to_unit
from paretoscope.core.neighbours import overlap_share, overlaps
from paretoscope.core.prune import kept_after_pruning


@settings(deadline=None, max_examples=150)
@given(image=images(40), params=log_params())
def test_blobs_are_those_of_blob_log_on_images_of_every_kind(image, params):
    assert_same_blobs(image, params, detect_blobs)


@pytest.mark.parametrize("seed", range(6))
def test_a_lattice_with_noise_gives_the_very_rows_of_blob_log_in_the_same_order(seed):
    rng = np.random.default_rng(seed)
    scene = hexagonal(rng, (160, 140), neighbour_px=9, noise=0.1 + 0.1 * seed)
    params = LogParams(
        sigma_min=1.0 + 0.2 * seed, sigma_max=4.5, threshold=0.08, overlap=0.15 * seed, num_sigma=6
    )
    blobs = detect_blobs(scene.image, params)
    assert len(blobs) > 100
    assert assert_same_blobs(scene.image, params, detect_blobs) > 0.5 * len(blobs)
    if seed < 3:
        assert blob_keys(blobs) == keys(skimage_blobs(scene.image, params))


REAL = [
    "SciLink_MoS2_stem_Exp-000-2.npy",
    "SciLink_MoS2_stem_Exp-001-5.npy",
    "AtomSegNet_Grain_boundry_gold_512px.png",
]


@pytest.mark.parametrize("name", REAL)
@pytest.mark.parametrize(
    "params",
    [
        LogParams(sigma_min=2.0, sigma_max=6.0, threshold=0.03, overlap=0.3),
        LogParams(sigma_min=1.5, sigma_max=9.0, threshold=0.01, overlap=0.05, num_sigma=7),
    ],
)
def test_blobs_of_real_images_are_those_of_blob_log(shared, name, params):
    path = shared / "data/real" / name
    if path.suffix == ".npy":
        image = np.load(path)
    else:
        from skimage.io import imread

        image = imread(path)
    image = to_unit(image)[:300, :280]
    blobs = detect_blobs(image, params)
    assert len(blobs) > 20
    assert assert_same_blobs(image, params, detect_blobs) > 0.5 * len(blobs)


@settings(deadline=None, max_examples=200)
@given(
    count=st.integers(1, 60),
    side=st.integers(1, 60),
    scales=st.integers(1, 6),
    overlap=st.one_of(st.sampled_from([0.0, 1.0, 0.5]), st.floats(0, 1)),
    seed=st.integers(0, 2**32 - 1),
)
def test_pruning_keeps_whom_skimage_keeps_in_every_tangle(count, side, scales, overlap, seed):
    rng = np.random.default_rng(seed)
    grid = np.linspace(0.7, 0.7 + 9 * rng.random(), scales, dtype=np.float32)
    rows = np.column_stack(
        [rng.integers(0, side, (count, 2)).astype(np.float32), grid[rng.integers(0, scales, count)]]
    )
    keep = kept_after_pruning(rows[:, 0], rows[:, 1], rows[:, 2], overlap).keep
    np.testing.assert_array_equal(rows[keep], _prune_blobs(rows.copy(), overlap))


def test_pruning_thousands_of_tangled_blobs_is_bounded(monkeypatch):
    monkeypatch.setattr(prune, "SKIMAGE_ORDER_PAIRS", 1000)
    rng = np.random.default_rng(0)
    y, x = rng.integers(0, 200, (2, 3000))
    sigma = rng.choice(np.linspace(1, 12, 12, dtype=np.float32), 3000)
    keep = kept_after_pruning(y, x, sigma, 0.1).keep
    # No two that stay overlap by more than allowed, and whoever went met a larger or equal one.
    sigmas, scale = np.unique(sigma, return_inverse=True)
    pairs = overlaps(y, x, scale, sigmas, np.ones(3000, dtype=bool), np.ones(3000, dtype=bool))
    over = np.abs(pairs.share) > np.float32(0.1)
    first, second = pairs.first[over], pairs.second[over]
    assert not np.any(keep[first] & keep[second])
    met_larger = np.zeros(3000, dtype=bool)
    np.logical_or.at(met_larger, first, sigma[second] >= sigma[first])
    np.logical_or.at(met_larger, second, sigma[first] >= sigma[second])
    assert met_larger[~keep].all()


def test_noise_is_capped_to_the_strongest_and_says_so():
    image = np.random.default_rng(0).random((64, 64), dtype=np.float32)
    params = LogParams(sigma_min=1, sigma_max=3, threshold=0.0, overlap=1.0)
    free, capped = detect_blobs(image, params), detect_blobs(image, params, cap=40)
    assert len(free) > 40
    assert not free.capped
    assert capped.capped
    assert blob_keys(capped) == blob_keys(free)[:40]


def test_blobs_come_strongest_first():
    scene = hexagonal(np.random.default_rng(0), noise=0.3)
    params = LogParams(sigma_min=1, sigma_max=4, threshold=0.05, overlap=0.5)
    blobs = detect_blobs(scene.image, params)
    assert np.all(np.diff(blobs.response) <= 0)
    assert blob_keys(blobs.take(np.array([3, 1]))) == [blob_keys(blobs)[3], blob_keys(blobs)[1]]


def test_an_empty_result_has_empty_columns():
    params = LogParams(sigma_min=1, sigma_max=4, threshold=5.0, overlap=0.5)
    blobs = detect_blobs(np.eye(20, dtype=np.float32), params)
    assert len(blobs) == 0
    assert blobs.y_px.dtype == np.float32
    assert len(Blobs.none()) == 0


@settings(deadline=None, max_examples=300)
@given(
    offset=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    sigmas=st.tuples(st.floats(0.5, 12, width=32), st.floats(0.5, 12, width=32)),
)
@example(offset=(9, 9), sigmas=(1.0, 8.208541870117188))
def test_overlap_is_skimages_but_for_float32_rounding(offset, sigmas):
    """Mostly to one unit in the last place; a small disc at the rim of a large one, where the arc cosine is
    steep, both are off by a few parts in 100 000."""
    pair = np.array([[3, 5, sigmas[0]], [3 + offset[0], 5 + offset[1], sigmas[1]]], dtype=np.float32)
    share = float(_blob_overlap(pair[0], pair[1]))
    ours = float(overlap_share(*pair[0], *pair[1]))
    if ours < 0.0 or np.isinf(ours):
        assert share == (0.0 if ours < 0.0 else 1.0)
    else:
        assert ours == pytest.approx(share, abs=1e-4)
