from __future__ import annotations

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from images import KINDS, make_image
from scipy import ndimage

from paretoscope.core.plane_maxima import best_around, best_by_torch, maxima_by_torch, maxima_in


@st.composite
def planes(draw: st.DrawFn) -> np.ndarray:
    """Planes with ties and plateaus (few levels) and without, down to one pixel wide."""
    shape = (draw(st.integers(1, 40)), draw(st.integers(1, 40)))
    plane = make_image(draw(st.sampled_from(KINDS)), shape, draw(st.integers(0, 2**32 - 1)))
    levels = draw(st.sampled_from([0, 2, 5]))
    return np.round(plane * levels).astype(np.float32) / levels if levels else plane


@settings(deadline=None, max_examples=150)
@given(plane=planes(), floor=st.sampled_from([-1.0, 0.0, 0.2, 0.5, 2.0]), data=st.data())
def test_both_ways_find_the_pixels_that_no_neighbour_exceeds(plane, floor, data):
    start = data.draw(st.integers(0, len(plane)))
    stop = data.draw(st.integers(start, len(plane)))
    best = ndimage.maximum_filter(plane, size=3, mode="nearest")
    top = (best == plane) & (plane > np.float32(floor))
    top[:start] = top[stop:] = False
    tensor = torch.from_numpy(plane)
    for where, value in (
        maxima_in(tensor, start, stop, floor),
        [column.numpy() for column in maxima_by_torch(tensor, start, stop, floor)],
    ):
        np.testing.assert_array_equal(where, np.flatnonzero(top))
        np.testing.assert_array_equal(value, plane[top])


@settings(deadline=None, max_examples=60)
@given(plane=planes(), seed=st.integers(0, 2**32 - 1))
def test_both_ways_see_the_best_of_the_neighbourhood(plane, seed):
    where = np.random.default_rng(seed).integers(0, plane.size, 30)
    best = ndimage.maximum_filter(plane, size=3, mode="nearest").reshape(-1)[where]
    tensor = torch.from_numpy(plane)
    np.testing.assert_array_equal(best_around(tensor, where), best)
    np.testing.assert_array_equal(best_by_torch(tensor, torch.from_numpy(where)).numpy(), best)
