"""A movie: every frame's atoms, one frame at a time, tuned when the picture has changed."""

from __future__ import annotations

import numpy as np
import pytest

import paretoscope as ps
from core.lattice_images import disc, scene
from paretoscope.errors import BadFrame, BadParameters

SHAPE = (128, 128)
PARAMS = ps.LogParams(sigma_min=1.5, sigma_max=3.5, threshold=0.05, overlap=0.3, num_sigma=5)


def frame(number: int, hole: float = 0.0) -> np.ndarray:
    there = disc(SHAPE, hole) if hole else None
    image = scene(
        "square", 11.0, 10.0, SHAPE, dose=60, seed=number, shift=(0.1 * number, 0.0), hole=there
    ).image
    return (1000 * image).astype(np.uint16)


def test_with_given_parameters_every_frame_is_one_detection():
    stack = np.stack([frame(number) for number in range(4)])
    found = list(ps.detect_movie(stack, PARAMS, pixel_size_nm=(0.02, 0.03), refinement="none"))
    assert [one.frame for one in found] == [0, 1, 2, 3]
    for one, image in zip(found, stack, strict=True):
        blobs = ps.detect(image, PARAMS)
        np.testing.assert_array_equal(one.atoms["y_px"], blobs.y_px)
        np.testing.assert_array_equal(one.atoms["score"], blobs.response)
        np.testing.assert_allclose(one.atoms["x_nm"], 0.03 * blobs.x_px, rtol=1e-6)
        assert set(one.atoms["frame"].tolist()) == {one.frame}
        assert not one.tuned


def test_the_first_frame_is_tuned_and_the_others_follow_with_its_parameters():
    movie = ps.detect_movie((frame(number) for number in range(5)), budget_s=1.5)
    found = list(movie)
    assert [one.tuned for one in found] == [True, False, False, False, False]
    assert len({one.params for one in found}) == 1
    for number, one in enumerate(found):
        truth = scene("square", 11.0, 10.0, SHAPE, seed=number, shift=(0.1 * number, 0.0))
        assert len(one) == pytest.approx(len(truth.y_px), rel=0.1)


def test_a_frame_with_many_fewer_atoms_is_tuned_again_and_the_next_one_follows_it():
    frames = [frame(0), frame(1), frame(2, hole=0.4), frame(3, hole=0.4)]
    found = list(ps.detect_movie(frames, budget_s=1.5))
    assert [one.tuned for one in found] == [True, False, True, False]


def test_a_frame_is_read_only_when_its_turn_comes():
    asked = []

    def frames():
        for number in range(1000):
            asked.append(number)
            yield frame(number)

    movie = ps.detect_movie(frames(), PARAMS)
    assert asked == []
    next(movie)
    next(movie)
    assert asked == [0, 1]


def test_a_blank_frame_is_an_error_that_names_the_reason():
    movie = ps.detect_movie([frame(0), np.zeros(SHAPE)], PARAMS)
    assert len(next(movie)) > 50
    with pytest.raises(BadFrame) as refused:
        next(movie)
    assert refused.value.code == "constant-image"


def test_an_unknown_refinement_is_refused_at_once():
    with pytest.raises(BadParameters):
        ps.detect_movie([], refinement="magic")  # type: ignore[arg-type]
