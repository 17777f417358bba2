"""A scale space built while the rows come is the whole frame's, whatever came and however."""

from __future__ import annotations

import numpy as np
import pytest
from gaussian_atoms import hexagonal
from hypothesis import given, settings
from hypothesis import strategies as st
from images import KINDS, make_image

from paretoscope.contract import LogParams
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.growing import GrowingScaleSpace
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.core.peaks import SpatialMaxima
from paretoscope.errors import BadFrame

NEAR = 1e-6
"""Two ways of computing a response in float32 differ by less."""


def counts(seed: int = 0, shape: tuple[int, int] = (150, 120), dose: float = 2000.0) -> np.ndarray:
    scene = hexagonal(np.random.default_rng(seed), shape, neighbour_px=9, noise=0.05)
    return np.random.default_rng(seed).poisson(dose * (0.1 + scene.image)).astype(np.uint16)


def grown(frame: np.ndarray, heights: list[int], grid: np.ndarray, floor: float = 1e-3) -> CandidateSet:
    """From blocks of these heights, again and again; the frame as a whole at the end."""
    space = GrowingScaleSpace(frame.shape, grid, floor)
    row, block = 0, 0
    while row < len(frame):
        height = heights[block % len(heights)]
        space.add(row, frame[row : row + height])
        row, block = row + height, block + 1
    return space.finish(frame, without_hot_pixels(frame))


def keys(maxima: SpatialMaxima, rows: np.ndarray) -> set[tuple[int, int, int]]:
    return set(
        zip(maxima.scale[rows].tolist(), maxima.y_px[rows].tolist(), maxima.x_px[rows].tolist(), strict=True)
    )


def assert_same_but_for_rounding(ours: CandidateSet, frame: np.ndarray) -> None:
    """Every maximum by a margin is in both tables, with the same flags and the same response."""
    from scipy import ndimage

    from paretoscope.core.scale_space import log_stack

    image = without_hot_pixels(frame).image
    whole = CandidateSet.build(image, ours.sigmas, ours.floor)
    stack = log_stack(image, ours.sigmas).numpy()
    ring = np.ones((1, 3, 3), dtype=bool)
    ring[0, 1, 1] = False
    others = ndimage.maximum_filter(stack, footprint=ring, mode="constant", cval=-np.inf)
    clear = (stack > others + NEAR) & (stack > ours.floor + NEAR)
    doubtful = (stack > others - NEAR) & (stack > ours.floor - NEAR)
    a, b = (
        dict(zip(_key(m), zip(m.response, m.tops_below, m.tops_above, strict=True), strict=True))
        for m in (ours.maxima, whole.maxima)
    )
    for key in zip(*(axis.tolist() for axis in np.nonzero(clear)), strict=True):
        assert key in a
        assert a[key][0] == pytest.approx(b[key][0], abs=NEAR)
        for flag, step in ((1, -1), (2, 1)):
            if a[key][flag] != b[key][flag]:
                k, y, x = key
                near = stack[k + step, max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].max()
                assert abs(near - stack[key]) < NEAR
    assert all(doubtful[key] for key in a)
    assert np.all(np.diff(ours.maxima.response) <= 0)
    assert ours.floor == whole.floor
    np.testing.assert_array_equal(ours.sigmas, whole.sigmas)


def _key(m: SpatialMaxima) -> list[tuple[int, int, int]]:
    return list(zip(m.scale.tolist(), m.y_px.tolist(), m.x_px.tolist(), strict=True))


@settings(deadline=None, max_examples=60)
@given(
    kind=st.sampled_from(KINDS),
    shape=st.tuples(st.integers(4, 90), st.integers(4, 60)),
    heights=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    low=st.floats(0.6, 3.0),
    scale=st.sampled_from([(1.0, 0.0), (1000.0, 60000.0), (1e-6, -3.0), (-50.0, 7.0)]),
    seed=st.integers(0, 2**32 - 1),
)
def test_in_blocks_of_any_height_the_candidates_are_those_of_the_whole_frame(
    kind, shape, heights, low, scale, seed
):
    frame = make_image(kind, shape, seed).astype(np.float64) * scale[0] + scale[1]
    if frame.min() == frame.max():
        return
    assert_same_but_for_rounding(grown(frame, heights, np.linspace(low, low + 4, 6)), frame)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_rows_of_every_type_are_taken_as_they_come(dtype):
    frame = np.clip(counts(dose=100.0), 0, 255).astype(dtype)
    assert_same_but_for_rounding(grown(frame, [32], np.linspace(1, 5, 8)), frame)


def test_a_detection_finds_the_same_blobs():
    frame = counts()
    ours = grown(frame, [16], np.linspace(1.0, 5.0, 12))
    whole = CandidateSet.build(without_hot_pixels(frame).image, ours.sigmas, 1e-3)
    params = whole.snap(LogParams(sigma_min=1.5, sigma_max=4.0, threshold=0.05, overlap=0.3))
    a, b = ours.select(params), whole.select(params)
    assert len(a) > 100
    assert set(zip(a.y_px, a.x_px, a.sigma_px, strict=True)) == set(
        zip(b.y_px, b.x_px, b.sigma_px, strict=True)
    )


@pytest.mark.parametrize("at", [(0, 0), (70, 33), (149, 119), (75, 60)])
@pytest.mark.parametrize("value", [60000, 0])
def test_a_hot_or_dead_pixel_is_clipped_in_what_was_filtered_before(at, value):
    frame = counts() // 10 + 5000
    frame[at] = value
    assert len(without_hot_pixels(frame).places) == 1
    assert_same_but_for_rounding(grown(frame, [16], np.linspace(1, 4, 6)), frame)


@pytest.mark.parametrize("first", ["dark", "bright", "flat"])
def test_rows_unlike_all_before_them_change_the_scale_of_all(first):
    frame = counts().astype(np.float64)
    frame[:60] = {"dark": frame[:60] / 100, "bright": frame[:60] * 50, "flat": 700.0}[first]
    assert_same_but_for_rounding(grown(frame, [10], np.linspace(1, 4, 6)), frame)


def test_rows_that_never_came_are_taken_from_the_frame():
    frame = counts()
    space = GrowingScaleSpace(frame.shape, np.linspace(1, 4, 6), 1e-3)
    space.add(0, frame[:64])
    space.add(64, frame[64:96])
    assert space.filled == 96
    assert_same_but_for_rounding(space.finish(frame, without_hot_pixels(frame)), frame)


def test_what_float32_cannot_hold_is_filtered_as_a_whole():
    frame = counts().astype(np.float64) * 1e200
    ours = grown(frame, [16], np.linspace(1, 4, 6))
    whole = CandidateSet.build(without_hot_pixels(frame).image, ours.sigmas, 1e-3)
    np.testing.assert_array_equal(ours.maxima.response, whole.maxima.response)


def test_after_the_last_row_only_the_rows_below_the_kernels_reach_are_left():
    frame = counts(shape=(256, 64))
    space = GrowingScaleSpace(frame.shape, np.linspace(1, 4, 6), 1e-3)
    for row in range(0, 240, 16):
        space.add(row, frame[row : row + 16])
    assert space.done >= 240 - 16 - 32  # the kernels' 16 rows and what the transform's length adds


@pytest.mark.parametrize(("first", "shape"), [(1, (4, 50)), (0, (4, 49)), (0, (61, 50)), (0, (50,))])
def test_rows_that_do_not_follow_are_refused(first, shape):
    space = GrowingScaleSpace((60, 50), np.linspace(1, 4, 6), 1e-3)
    with pytest.raises(BadFrame):
        space.add(first, np.zeros(shape))
