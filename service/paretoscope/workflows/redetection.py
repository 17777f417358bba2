"""One frame detected anew with parameters that somebody picked."""

from __future__ import annotations

from collections.abc import Iterator

from paretoscope.contract import Document, LogParams
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.deadline import Deadline
from paretoscope.workflows.atoms import atom_map, classed
from paretoscope.workflows.operating import scored_point
from paretoscope.workflows.prepared import prepare
from paretoscope.workflows.stages import StageClock
from paretoscope.workflows.task import FrameTask


def redetect_frame(
    task: FrameTask,
    params: LogParams,
    revision: int,
    device: str = "cpu",
    deadline: Deadline | None = None,
) -> Iterator[Document]:
    """Detect one frame anew with `params`: yields FrontPoint, AtomMap, Classes and StageTime documents.

    Uses what is cached of the frame when it was analysed in this process not long ago, and the classes of
    the stream as they are. Somebody is looking at the screen: 'auto' refinement is the parabola here, which
    costs a few milliseconds.
    """
    deadline = deadline or Deadline.never()
    stages = StageClock(deadline.clock)
    policy, frame_id = task.policy, task.header.frame_id
    prepared = task.cache.get(frame_id)
    if prepared is None:
        with stages("intensity"):
            cleaned = without_hot_pixels(task.image)
        prepared = prepare(task.header, cleaned, policy, device, stages)
        task.cache.put(frame_id, prepared)
    with stages("detect"):
        wanted = prepared.snap(params)
        blobs = prepared.detect(wanted)
        point = scored_point(prepared, wanted, blobs, policy.rewards)
    yield point
    with stages("refine"):
        refinement = "parabola" if policy.refinement == "auto" else policy.refinement
        atoms = atom_map(task.header, prepared, blobs, wanted, refinement, deadline, revision)
    if policy.segment.enabled and atoms.count:
        with stages("segment"):
            atoms, classes, _ = classed(prepared, atoms, policy, task.memory, task.memory.class_model)
        yield atoms
        yield classes
    else:
        yield atoms
    yield from stages.timed
