"""Sliding windows cover the frame, and their weights join without seams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.core.windows import WindowGrid, blend_weights
from paretoscope.errors import BadParameters


def test_the_papers_grid_has_six_by_six_windows():
    grid = WindowGrid.over((512, 512), 256, 0.2)
    assert grid.grid == (6, 6)
    assert len(grid.windows) == 36
    assert (grid.windows[-1].y_px, grid.windows[-1].x_px) == (256, 256)


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 300), st.floats(0.05, 1.0))
def test_every_pixel_lies_in_a_window_and_no_window_leaves_the_frame(rows, columns, size, step):
    grid = WindowGrid.over((rows, columns), size, step)
    for starts, length, extent in (
        (grid.tops_px, rows, grid.height_px),
        (grid.lefts_px, columns, grid.width_px),
    ):
        covered = np.zeros(length, dtype=bool)
        for start in starts:
            assert 0 <= start <= length - extent
            covered[start : start + extent] = True
        assert covered.all()
        assert list(starts) == sorted(set(starts))


def test_a_frame_smaller_than_a_window_is_one_window():
    assert WindowGrid.over((40, 60), 128, 0.5).grid == (1, 1)


@settings(max_examples=50, deadline=None)
@given(st.integers(30, 300), st.integers(16, 128), st.floats(0.1, 1.0), st.integers(0, 1000))
def test_weights_sum_to_one_and_change_smoothly(length, size, step, seed):
    grid = WindowGrid.over((length, length), size, step)
    y, x = np.random.default_rng(seed).uniform(0, length - 1, (2, 50))
    weights = blend_weights(grid, y, x)
    assert weights.sum(axis=1) == pytest.approx(np.ones(50))
    moved = blend_weights(grid, np.minimum(y + 0.01, length - 1), x)
    assert np.abs(moved - weights).max() < 0.02


def test_at_the_corner_of_the_frame_the_corner_window_says_most():
    grid = WindowGrid.over((128, 128), 64, 0.5)
    assert int(np.argmax(blend_weights(grid, np.array([0.0]), np.array([127.0]))[0])) == 2


def test_windows_of_no_size_are_refused():
    with pytest.raises(BadParameters):
        WindowGrid.over((128, 128), 0, 0.5)
