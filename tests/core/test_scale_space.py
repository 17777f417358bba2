from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from paretoscope.contract import LogParams
from paretoscope.core.scale_space import exact_grid, linear_scales, log_stack
from paretoscope.errors import BadParameters


def scipys(image: np.ndarray, sigmas: np.ndarray) -> np.ndarray:
    return np.stack([-ndimage.gaussian_laplace(image, float(s)) * np.float32(s) ** 2 for s in sigmas])


@settings(deadline=None, max_examples=60)
@given(
    rows=st.integers(1, 70),
    columns=st.integers(1, 70),
    sigmas=st.lists(st.floats(0.3, 12.0), min_size=1, max_size=4),
    seed=st.integers(0, 2**32 - 1),
)
def test_responses_are_scipys_even_where_the_kernel_is_wider_than_the_image(rows, columns, sigmas, seed):
    image = np.random.default_rng(seed).random((rows, columns), dtype=np.float32)
    scales = np.array(sigmas, dtype=np.float32)
    stack = log_stack(image, scales)
    assert stack.shape == (len(scales), rows, columns)
    np.testing.assert_allclose(stack.numpy(), scipys(image, scales), atol=5e-7 * 2, rtol=0)


def test_responses_of_a_real_frame_are_scipys_within_five_in_ten_million(shared):
    image = np.load(shared / "data/real/SciLink_MoS2_stem_Exp-001-5.npy")
    image = ((image - image.min()) / np.ptp(image)).astype(np.float32)
    scales = np.linspace(1.0, 12.0, 9, dtype=np.float32)
    assert np.abs(log_stack(image, scales).numpy() - scipys(image, scales)).max() < 5e-7


def test_the_response_is_strongest_at_the_atoms_own_width_and_half_its_height():
    y, x = np.mgrid[:101, :101]
    atom = 0.8 * np.exp(-((y - 50) ** 2 + (x - 50) ** 2) / (2 * 4.0**2)).astype(np.float32)
    scales = np.linspace(2.0, 6.0, 41, dtype=np.float32)
    at_centre = log_stack(atom, scales)[:, 50, 50].numpy()
    assert scales[at_centre.argmax()] == pytest.approx(4.0, abs=0.1)
    assert at_centre.max() == pytest.approx(0.4, abs=0.002)


def test_a_scale_does_not_depend_on_which_others_are_computed():
    image = np.random.default_rng(1).random((77, 130), dtype=np.float32)
    grid = exact_grid(np.linspace(0.8, 9.0, 17))
    whole = log_stack(image, grid).numpy()
    for first, last in [(0, 0), (0, 5), (3, 16), (9, 9), (4, 12)]:
        part = log_stack(image, grid[first : last + 1]).numpy()
        np.testing.assert_array_equal(part, whole[first : last + 1])


@given(low=st.floats(0.2, 20), span=st.floats(0.01, 30), count=st.integers(2, 64), data=st.data())
def test_every_part_of_the_grid_is_what_blob_log_would_space_evenly(low, span, count, data):
    grid = exact_grid(np.linspace(low, low + span, count))
    np.testing.assert_allclose(grid, np.linspace(low, low + span, count), rtol=1e-4)
    first = data.draw(st.integers(0, count - 1))
    last = data.draw(st.integers(first, count - 1))
    params = LogParams(
        sigma_min=float(grid[first]),
        sigma_max=float(grid[last]),
        threshold=0.1,
        overlap=0.5,
        num_sigma=last - first + 1,
    )
    np.testing.assert_array_equal(linear_scales(params), grid[first : last + 1])


@pytest.mark.parametrize(
    "scales", [[], [0.0, 1.0], [-1.0], [1.0, 2.0, 4.0], [2.0, 1.0], [1.0, float("nan")], [[1.0, 2.0]]]
)
def test_scales_that_make_no_grid_are_refused(scales):
    with pytest.raises(BadParameters):
        exact_grid(scales)
