from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paretoscope.core.intensity import to_unit
from paretoscope.errors import BadFrame

REAL = ["u1", "i1", "<u2", ">u2", "i4", "u8", "f2", ">f4", "f8"]


@pytest.mark.parametrize("dtype", REAL)
def test_any_real_type_becomes_float32_from_zero_to_one(dtype: str) -> None:
    ramp = np.arange(48).reshape(6, 8).astype(dtype)
    unit = to_unit(ramp)
    assert unit.dtype == np.float32
    assert unit.flags.c_contiguous
    assert unit.min() == 0
    assert unit.max() == 1
    np.testing.assert_allclose(unit, np.arange(48).reshape(6, 8) / 47, atol=1e-7)


@given(
    hnp.arrays(
        np.float64, (5, 6), elements=st.floats(-1e300, 1e300, allow_nan=False), unique=True, fill=st.nothing()
    )
)
def test_brightness_and_contrast_do_not_matter_and_order_is_kept(image: np.ndarray) -> None:
    unit = to_unit(image)
    assert np.isfinite(unit).all()
    assert (unit.min(), unit.max()) == (0, 1)
    ranks = np.argsort(image, axis=None)
    assert np.all(np.diff(unit.ravel()[ranks]) >= 0)


def test_strides_and_read_only_memory_are_taken_as_they_are() -> None:
    big = np.random.default_rng(0).random((40, 60))
    view = big[::-2, 1::3]
    view.flags.writeable = False
    np.testing.assert_array_equal(to_unit(view), to_unit(view.copy()))


def test_a_grey_picture_saved_in_colour_is_one_image() -> None:
    grey = np.random.default_rng(0).integers(0, 255, (9, 7), dtype=np.uint8)
    np.testing.assert_array_equal(to_unit(np.stack([grey] * 3, axis=2)), to_unit(grey))
    alpha = np.full_like(grey, 255)
    np.testing.assert_array_equal(to_unit(np.stack([grey] * 3 + [alpha], axis=2)), to_unit(grey))


def test_values_near_the_largest_float_do_not_overflow() -> None:
    image = np.full((4, 4), -1.7e308)
    image[1, 2] = 1.7e308
    assert to_unit(image)[1, 2] == 1


NAN, INF = np.eye(5), np.eye(5)
NAN[2, 2], INF[1, 1] = np.nan, np.inf
COLOUR = np.random.default_rng(0).random((8, 8, 3))


@pytest.mark.parametrize(
    ("image", "code", "says"),
    [
        (np.zeros(9), "bad-image-shape", "(9,)"),
        (np.zeros((0, 5)), "bad-image-shape", "(0, 5)"),
        (np.zeros((2, 8, 8)), "bad-image-shape", "frame by frame"),
        (COLOUR, "bad-image-shape", "colour"),
        (np.zeros((8, 8), complex), "bad-image-type", "modulus"),
        (np.zeros((8, 8), bool), "bad-image-type", "bool"),
        (np.full((8, 8), "x"), "bad-image-type", "real number"),
        (np.full((8, 8), None), "bad-image-type", "object"),
        (np.zeros((8, 8), "M8[s]"), "bad-image-type", "real number"),
        (NAN, "not-finite", "1 of 25"),
        (INF, "not-finite", "1 of 25"),
        (np.full((8, 8), 7), "constant-image", "7"),
        (np.ones((1, 1)), "too-small", "1 x 1"),
        (np.random.default_rng(0).random((3, 50)), "too-small", "3 x 50"),
    ],
)
def test_an_unusable_image_is_refused_with_what_to_do(image: np.ndarray, code: str, says: str) -> None:
    with pytest.raises(BadFrame) as refused:
        to_unit(image)
    assert refused.value.code == code
    assert says in refused.value.hint
    assert not refused.value.retry
