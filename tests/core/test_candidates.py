from __future__ import annotations

import numpy as np
import pytest
from gaussian_atoms import hexagonal
from hypothesis import given, settings
from hypothesis import strategies as st
from images import images

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.candidates import CandidateSet
from paretoscope.errors import BadParameters


def assert_identical(a: Blobs, b: Blobs) -> None:
    for column in ("y_px", "x_px", "sigma_px", "response"):
        np.testing.assert_array_equal(getattr(a, column), getattr(b, column))
    assert a.capped == b.capped


@st.composite
def on_a_grid(draw):
    low = draw(st.floats(0.5, 4.0))
    count = draw(st.integers(1, 14))
    grid = np.linspace(low, low + draw(st.floats(0.3, 7.0)), count)
    first = draw(st.integers(0, count - 1))
    last = draw(st.integers(first, count - 1))
    floor = draw(st.sampled_from([0.0, 0.01]))
    params = LogParams(
        sigma_min=grid[first],
        sigma_max=grid[last],
        threshold=floor + draw(st.one_of(st.just(0.0), st.floats(0, 0.3))),
        overlap=draw(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1))),
    )
    return grid, floor, params


@settings(deadline=None, max_examples=150)
@given(image=images(), case=on_a_grid())
def test_selecting_is_exactly_detecting(image, case):
    grid, floor, params = case
    candidates = CandidateSet.build(image, grid, floor)
    snapped = candidates.snap(params)
    assert_identical(candidates.select(snapped), detect_blobs(image, snapped))
    assert_identical(candidates.select(params), detect_blobs(image, snapped))


def test_selecting_is_exactly_detecting_on_a_real_image(shared):
    image = np.load(shared / "data/real/SciLink_MoS2_stem_Exp-001-5.npy")[:256, :256]
    image = ((image - image.min()) / np.ptp(image)).astype(np.float32)
    candidates = CandidateSet.build(image, np.linspace(1.5, 8, 24), 0.005)
    rng = np.random.default_rng(0)
    for _ in range(12):
        low, high = np.sort(rng.uniform(1.5, 8, 2))
        params = candidates.snap(
            LogParams(sigma_min=low, sigma_max=high, threshold=rng.uniform(0, 0.1), overlap=rng.random())
        )
        assert_identical(candidates.select(params), detect_blobs(image, params))


@settings(deadline=None, max_examples=80)
@given(
    image=images(),
    asked=st.lists(st.tuples(st.floats(0, 0.3), st.floats(0, 1)), min_size=2, max_size=6),
)
def test_what_was_asked_before_does_not_change_a_selection(image, asked):
    grid = np.linspace(1.0, 5.0, 6)
    candidates = CandidateSet.build(image, grid, 0.0)
    for threshold, overlap in asked:
        params = candidates.snap(
            LogParams(sigma_min=grid[1], sigma_max=grid[4], threshold=threshold, overlap=overlap)
        )
        assert_identical(candidates.select(params), detect_blobs(image, params))


def test_snapped_parameters_lie_on_the_grid_and_stay():
    candidates = CandidateSet.build(np.eye(30, dtype=np.float32), np.linspace(1, 5, 9), 0.02)
    params = candidates.snap(LogParams(sigma_min=1.7, sigma_max=20.0, threshold=0.001, overlap=0.4))
    assert params.sigma_min == pytest.approx(1.5, abs=1e-5)
    assert params.sigma_max == pytest.approx(5.0, abs=1e-5)
    assert params.threshold == 0.02
    assert params.num_sigma == 8
    assert candidates.snap(params) == params


def test_a_window_holds_the_frames_candidates_in_frame_coordinates():
    scene = hexagonal(np.random.default_rng(3), (150, 150), noise=0.1)
    candidates = CandidateSet.build(scene.image, np.linspace(1, 5, 9), 0.02)
    params = candidates.snap(LogParams(sigma_min=1, sigma_max=4, threshold=0.1, overlap=1.0))
    window = candidates.inside(40, 60, 64, 50)
    inside, whole = window.select(params), candidates.select(params)
    within = (whole.y_px >= 40) & (whole.y_px < 104) & (whole.x_px >= 60) & (whole.x_px < 110)
    assert len(inside) > 20
    assert_identical(inside, whole.take(within))  # with overlap 1 nothing is pruned across the edge


def test_an_empty_window_selects_nothing():
    candidates = CandidateSet.build(np.eye(30, dtype=np.float32), np.linspace(1, 5, 9), 0.02)
    params = candidates.snap(LogParams(sigma_min=1, sigma_max=4, threshold=0.1, overlap=0.5))
    assert len(candidates.inside(100, 100, 5, 5).select(params)) == 0


def test_too_many_candidates_are_cut_to_the_strongest_and_reported():
    noise = np.random.default_rng(0).random((96, 96), dtype=np.float32)
    params = LogParams(sigma_min=1, sigma_max=3, threshold=0.05, overlap=0.2)
    assert not CandidateSet.build(noise, np.linspace(1, 3, 9), 0.0).capped
    capped = CandidateSet.build(noise, np.linspace(1, 3, 9), 0.0, cap=50)
    assert capped.capped
    assert capped.select(params).capped
    assert len(capped.select(params)) <= 50


@pytest.mark.parametrize(
    ("change", "says"),
    [({"sigma_min": 1.2}, "grid"), ({"sigma_max": 9.0}, "grid"), ({"threshold": 0.001}, "floor")],
)
def test_parameters_off_the_grid_or_below_the_floor_are_refused(change, says):
    candidates = CandidateSet.build(np.eye(30, dtype=np.float32), np.linspace(1, 5, 9), 0.02)
    values = {"sigma_min": 1.0, "sigma_max": 5.0, "threshold": 0.1, "overlap": 0.5}
    with pytest.raises(BadParameters) as refused:
        candidates.select(LogParams(**(values | change)))
    assert says in refused.value.hint


def test_selecting_for_a_score_differs_by_few_blobs_and_none_without_chains():
    noise = np.random.default_rng(0).random((128, 128), dtype=np.float32)
    candidates = CandidateSet.build(noise, np.linspace(1, 5, 12), 0.0)
    tangle = candidates.snap(LogParams(sigma_min=1, sigma_max=5, threshold=0.05, overlap=0.1))
    exact, quick = candidates.select(tangle), candidates.select(tangle, exact=False)
    assert len(exact) > 500
    assert abs(len(exact) - len(quick)) < 0.03 * len(exact)
    clear = candidates.snap(LogParams(sigma_min=2, sigma_max=2, threshold=0.1, overlap=1.0))
    assert_identical(candidates.select(clear), candidates.select(clear, exact=False))
