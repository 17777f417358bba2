"""One detection from parameters that differ over the frame."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optimise.worlds import f1, world
from paretoscope.core.blend import blended_blobs
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.windows import WindowGrid
from paretoscope.optimise.space import LogSpace

SPACE = LogSpace(9.0, threshold_low=0.02, threshold_high=0.5)
GRID = WindowGrid.over((128, 128), 64, 0.5)


@pytest.fixture(scope="module")
def candidates():
    return CandidateSet.build(world(seed=8, counts=20).image, SPACE.grid, floor=0.01)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_windows_that_agree_blend_to_one_plain_detection(candidates, point):
    params = candidates.snap(SPACE.params(np.array(point)))
    plain, blended = candidates.select(params), blended_blobs(candidates, GRID, [params] * 9)
    assert np.array_equal(plain.y_px, blended.y_px)
    assert np.array_equal(plain.x_px, blended.x_px)
    assert np.array_equal(plain.sigma_px, blended.sigma_px)


def test_a_window_of_its_own_mind_rules_its_own_corner(candidates):
    keep = SPACE.params(np.array([0.5, 0.2, 0.3, 0.4]))
    refuse = keep.model_copy(update={"threshold": 10.0})
    blobs = blended_blobs(candidates, GRID, [refuse] + [keep] * 8)
    corner = (blobs.y_px < 20) & (blobs.x_px < 20)
    assert not corner.any()
    far = (blobs.y_px > 70) & (blobs.x_px > 70)
    plain = candidates.select(candidates.snap(keep))
    assert far.sum() == ((plain.y_px > 70) & (plain.x_px > 70)).sum()


def test_windows_without_parameters_leave_the_word_to_the_others(candidates):
    params = candidates.snap(SPACE.params(np.array([0.5, 0.2, 0.3, 0.4])))
    blobs = blended_blobs(candidates, GRID, [None, params] + [None] * 7)
    assert len(blobs) == len(candidates.select(params))
    assert len(blended_blobs(candidates, GRID, [None] * 9)) == 0


def test_a_frame_whose_contrast_fades_is_found_whole_with_blended_thresholds():
    w = world(size=128, counts=200, seed=2)
    fade = np.linspace(1.0, 0.4, 128, dtype=np.float32)[None, :]
    candidates = CandidateSet.build(w.image * fade, SPACE.grid, floor=0.005)
    middle = SPACE.params(np.array([0.5, 0.3, 0.0, 0.4]))
    centres = np.array([window.x_px + 31.5 for window in GRID.windows])
    params = [
        middle.model_copy(update={"threshold": 0.18 * float(np.interp(c, [0, 127], [1.0, 0.4]))})
        for c in centres
    ]
    blended = blended_blobs(candidates, GRID, params)
    single = candidates.select(candidates.snap(middle.model_copy(update={"threshold": 0.18})))
    assert f1(w, blended.y_px, blended.x_px) > 0.95
    assert f1(w, blended.y_px, blended.x_px) > f1(w, single.y_px, single.x_px) + 0.05
