"""A tracked frame comes out the same whether its scale space grew while its rows came or not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from paretoscope.contract import AtomMap, Course, StageTime, StreamMemory, StreamPolicy
from paretoscope.core.growing import GrowingScaleSpace
from paretoscope.workflows.growing import growing
from workflows.test_frame import last_of
from workflows.test_tracking import POLICY, frame, memory, scanned, tuned, worked

UNHURRIED_S = 600.0
"""A fit that a deadline cuts short is another fit."""

__all__ = ["memory", "tuned"]


def grown_of(image: np.ndarray, memory: StreamMemory, rows: int | None = None) -> GrowingScaleSpace:
    space = growing(frame(image, memory).header, POLICY, memory)
    assert space is not None
    for first in range(0, len(image) if rows is None else rows, 32):
        space.add(first, image[first : first + 32])
    return space


def stages_of(documents) -> set[str]:
    return {one.name for one in documents if isinstance(one, StageTime)}


@pytest.mark.parametrize("rows", [None, 64])
def test_atoms_are_those_of_a_frame_that_came_whole(memory, rows):
    image = scanned(seed=5)
    plain = worked(frame(image, memory), UNHURRIED_S)
    ahead = worked(replace(frame(image, memory), grown=grown_of(image, memory, rows)), UNHURRIED_S)
    assert "grown" in stages_of(ahead)
    first, last = ahead[0], last_of(ahead, AtomMap)
    assert (first.refinement, first.count, first.params) == ("parabola", last.count, last.params)
    assert "detect" in stages_of(plain)
    assert last_of(ahead, Course) == last_of(plain, Course)
    ours, theirs = last_of(ahead, AtomMap), last_of(plain, AtomMap)
    assert ours.params == theirs.params
    assert ours.count == theirs.count > 50
    for name in ("y_px", "x_px", "sigma_px", "class_id"):
        np.testing.assert_allclose(np.sort(ours.columns[name]), np.sort(theirs.columns[name]), atol=1e-3)


def test_an_image_in_other_units_still_comes_from_what_grew(memory):
    image = scanned(seed=5).astype(np.float32) * 1e-3 - 7.0
    ahead = replace(frame(image, memory), grown=grown_of(image, memory))
    assert last_of(worked(ahead), AtomMap).count > 50


def test_a_threshold_below_what_grew_is_detected_as_ever(memory):
    image = scanned(seed=5)
    space = grown_of(image, memory)
    space.floor = 1.0
    assert "detect" in stages_of(worked(replace(frame(image, memory), grown=space)))


def test_nothing_grows_where_nothing_would_be_tracked(memory):
    header = frame(scanned(), memory).header
    assert growing(header, POLICY, memory) is not None
    assert growing(header, POLICY, StreamMemory()) is None
    assert growing(header.model_copy(update={"shape": (64, 64)}), POLICY, memory) is None
    assert growing(header, StreamPolicy(lattice="SrTiO3", tracking="off"), memory) is None


def test_what_grew_for_other_scales_is_left_alone(memory):
    image = scanned(seed=5)
    other = GrowingScaleSpace(image.shape, np.linspace(1.0, 2.0, 3), 1e-3)
    other.add(0, image)
    documents = worked(replace(frame(image, memory), grown=other))
    assert "detect" in stages_of(documents)
