"""A tracked frame's scale space, built while its rows come: only the scales that its detection asks for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paretoscope.contract import FrameHeader, LogParams, StreamMemory, StreamPolicy
from paretoscope.core.candidates import snapped
from paretoscope.core.growing import GrowingScaleSpace
from paretoscope.core.scale_space import exact_grid, linear_scales
from paretoscope.optimise.space import LogSpace
from paretoscope.workflows.prepared import CANDIDATE_FLOOR
from paretoscope.workflows.tracking import State, chosen_on, state_of

FLOOR_SHARE = 0.5
"""Of the threshold: a frame with twice the contrast between its extremes is still detected from what grew."""


def growing(
    header: FrameHeader, policy: StreamPolicy, memory: StreamMemory, device: str = "cpu"
) -> GrowingScaleSpace | None:
    """An empty scale space for a frame whose rows begin to come; None unless the stream tracks."""
    tuned = memory.tracking
    if tuned is None or state_of(memory, policy) is not State.TRACKING:
        return None
    if header.shape != tuple(tuned.expected.shape):
        return None
    space = LogSpace(tuned.expected.neighbour_px, blob_sigma_px=tuned.expected.blob_sigma_px)
    chosen = snapped(exact_grid(space.grid), CANDIDATE_FLOOR, chosen_on(tuned))
    floor = max(CANDIDATE_FLOOR, FLOOR_SHARE * chosen.threshold)
    return GrowingScaleSpace(header.shape, linear_scales(chosen), floor, device)


def answers(grown: GrowingScaleSpace | None, image: npt.NDArray, params: LogParams) -> bool:
    """Whether a detection of `image` with `params` (on the grid) can come from what grew."""
    return (
        grown is not None
        and grown.shape == image.shape
        and grown.floor <= params.threshold
        and np.array_equal(grown.sigmas, linear_scales(params))
    )
