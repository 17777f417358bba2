"""The unit cube and blob_log's parameters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paretoscope.contract import LogParams
from paretoscope.errors import BadParameters
from paretoscope.optimise.space import LogSpace

points = st.lists(st.floats(0, 1), min_size=4, max_size=4).map(np.array)
spaces = st.builds(
    LogSpace, neighbour_px=st.floats(3, 60), num_grid=st.integers(2, 24), threshold_low=st.floats(1e-4, 0.1)
)


@settings(max_examples=200, deadline=None)
@given(spaces, points)
def test_every_point_is_one_blob_log_call_on_the_grid(space, point):
    params = space.params(point)
    assert params.sigma_min <= params.sigma_max
    scales = np.linspace(params.sigma_min, params.sigma_max, params.num_sigma)
    assert np.abs(scales[:, None] - space.grid[None, :]).min(axis=1).max() < 1e-9
    assert space.threshold_low <= params.threshold * (1 + 1e-12)
    assert params.threshold <= space.threshold_high * (1 + 1e-12)


@settings(max_examples=200, deadline=None)
@given(spaces, points)
def test_parameters_come_back_from_the_point_they_stand_for(space, point):
    params = space.params(point)
    again = space.params(space.point(params))
    assert again.sigma_min == params.sigma_min
    assert again.sigma_max == params.sigma_max
    assert again.num_sigma == params.num_sigma
    assert again.threshold == pytest.approx(params.threshold)
    assert again.overlap == pytest.approx(params.overlap)


def test_magnification_does_not_move_a_point():
    params = LogParams(sigma_min=2.0, sigma_max=4.0, threshold=0.1, overlap=0.5)
    twice = LogParams(sigma_min=4.0, sigma_max=8.0, threshold=0.1, overlap=0.5)
    assert LogSpace(20.0).point(twice) == pytest.approx(LogSpace(10.0).point(params))
    assert LogSpace(20.0).carried(params, 10.0) == pytest.approx(LogSpace(10.0).point(params))


def test_contrast_does_not_move_a_point():
    dim, bright = (LogSpace(10.0).scaled_to(np.array([0.01, 0.4]) * k, 0.005 * k) for k in (0.5, 1.0))
    u = np.array([0.2, 0.5, 0.7, 0.3])
    assert bright.params(u).threshold == pytest.approx(2.0 * dim.params(u).threshold)


@pytest.mark.parametrize(
    "wrong", [{"neighbour_px": 0.0}, {"neighbour_px": float("nan")}, {"neighbour_px": 9.0, "num_grid": 1}]
)
def test_an_impossible_space_is_refused(wrong):
    with pytest.raises(BadParameters):
        LogSpace(**wrong)
