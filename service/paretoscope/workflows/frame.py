"""One frame's way through the numerics, as a pure generator of documents.

The caller gives the image, the stream's policy and memory, a `Deadline` and a device; it gets documents
as soon as they are ready and decides itself where they go.

    pixels -> unit image -> expectation -> candidates -> early map -> tune -> windows -> refine -> classes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from paretoscope.contract import (
    Document,
    FrameHeader,
    LogParams,
    ParameterMap,
    ParetoFront,
    Progress,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.core.blend import blended_blobs
from paretoscope.core.blobs import Blobs
from paretoscope.core.windows import WindowGrid
from paretoscope.deadline import Deadline
from paretoscope.workflows.atoms import atom_map, classed, refinement_for
from paretoscope.workflows.operating import keep_operating_point, operating_point_of, scored_point
from paretoscope.workflows.prepared import Prepared, PreparedCache, prepare
from paretoscope.workflows.stages import Budget, Pace, StageClock
from paretoscope.workflows.tuning import Tuned, tune
from paretoscope.workflows.window_tuning import parameter_map, tune_windows

ProgressSink = Callable[[Progress], None]


@dataclass(frozen=True)
class FrameTask:
    header: FrameHeader
    image: np.ndarray
    """(rows, columns) of the header's dtype."""
    policy: StreamPolicy
    memory: StreamMemory
    cache: PreparedCache = field(default_factory=PreparedCache, compare=False, repr=False)
    """Share one between tasks, and a re-detection of a recent frame needs no second scale space."""
    pace: Pace = field(default_factory=Pace, compare=False, repr=False)
    """Share one between tasks, and deadlines hold on a slow or busy machine as well."""
    grown: Any | None = field(default=None, compare=False, repr=False)
    """The scale space of this image, built while its rows came."""


def analyse_frame(
    task: FrameTask, deadline: Deadline, device: str = "cpu", progress: ProgressSink | None = None
) -> Iterator[Document]:
    """Yield AtomMap, ParetoFront, ParameterMap, Classes, StreamMemory and StageTime documents.

    The first AtomMap may come early (from the operating point) and be followed by a better one; the last
    document of each type is the one that counts. `progress` is called from within, now and then. Whatever
    happens, the generator ends soon after the deadline with the best result so far.

    Raises BadFrame for pixels that cannot be analysed, BadLattice for a lattice that cannot be placed.
    """
    policy, frame_id = task.policy, task.header.frame_id
    stages = StageClock(deadline.clock)
    prepared = prepare(task.header, task.image, policy, device, stages)
    task.cache.put(frame_id, prepared)
    memory = prepared.rescaled(task.memory)
    if memory.operating is not None:
        # Where the stream stands is worth seeing at once; the search may still find something better.
        standing = prepared.candidates.snap(memory.operating.params)
        with stages("track"):
            blobs = prepared.candidates.select(standing)
            early = atom_map(task.header, prepared, blobs, standing, "parabola", deadline)
        yield early

    budget = Budget.of(deadline, prepared.expectation.n_expected, policy.segment.enabled, task.pace)
    with stages("tune"):
        tuned = tune(
            prepared.candidates,
            prepared.expectation,
            prepared.space,
            policy,
            memory,
            budget.frame,
            policy.seed,
            progress=_reporter(frame_id, "tune", progress),
        )
        tuned = keep_operating_point(prepared, tuned, policy, memory)
    yield _front(frame_id, prepared, tuned, policy)

    with stages("windows"):
        windows = _windows(task, prepared, tuned, budget.windows)
    yield windows

    blobs = _found(task, prepared, tuned.params, windows)
    refinement = refinement_for(policy.refinement, len(blobs), budget.refine, task.pace)
    params = tuned.params if policy.windows.use == "frame" else None
    with stages("refine"):
        atoms = atom_map(task.header, prepared, blobs, params, refinement, budget.refine)
    if refinement == "gaussian":
        task.pace.note("refine", stages.last.ms / 1e3, atoms.count)
    yield atoms

    memory = memory.model_copy(
        update={
            "operating": operating_point_of(tuned, frame_id, memory),
            "front": [point.params for point in tuned.points] or memory.front,
            "neighbour_px": prepared.expectation.neighbour_px,
        }
    )
    if policy.segment.enabled and atoms.count:
        with stages("segment"):
            atoms, classes, memory = classed(prepared, atoms, policy, memory, policy.seed)
        task.pace.note("segment", stages.last.ms / 1e3, atoms.count)
        yield atoms
        yield classes
    yield memory
    yield from stages.timed


def redetect_frame(
    task: FrameTask,
    params: LogParams,
    revision: int,
    device: str = "cpu",
    deadline: Deadline | None = None,
) -> Iterator[Document]:
    """Detect one frame anew with `params`: yields FrontPoint, AtomMap, Classes and StageTime documents.

    Uses the cached candidates of the frame when it was analysed in this process not long ago. Somebody is
    looking at the screen: 'auto' refinement is the parabola here, which costs a millisecond.
    """
    deadline = deadline or Deadline.never()
    stages = StageClock(deadline.clock)
    policy, frame_id = task.policy, task.header.frame_id
    prepared = task.cache.get(frame_id)
    if prepared is None:
        prepared = prepare(task.header, task.image, policy, device, stages)
        task.cache.put(frame_id, prepared)
    with stages("detect"):
        snapped = prepared.candidates.snap(params)
        point = scored_point(prepared, snapped, policy.rewards)
        blobs = prepared.candidates.select(snapped)
    yield point
    with stages("refine"):
        refinement = "parabola" if policy.refinement == "auto" else policy.refinement
        atoms = atom_map(task.header, prepared, blobs, snapped, refinement, deadline, revision)
    if policy.segment.enabled and atoms.count:
        with stages("segment"):
            atoms, classes, _ = classed(prepared, atoms, policy, task.memory, policy.seed)
        yield atoms
        yield classes
    else:
        yield atoms
    yield from stages.timed


def _reporter(
    frame_id: str, stage: str, progress: ProgressSink | None
) -> Callable[[float, float], None] | None:
    if progress is None:
        return None

    def report(fraction: float, hypervolume: float) -> None:
        progress(
            Progress(
                frame_id=frame_id, stage=stage, fraction=fraction, detail=f"hypervolume {hypervolume:.4f}"
            )
        )

    return report


def _front(frame_id: str, prepared: Prepared, tuned: Tuned, policy: StreamPolicy) -> ParetoFront:
    return ParetoFront(
        frame_id=frame_id,
        points=tuned.points,
        chosen=tuned.chosen,
        reference_point=(tuned.reference_point[0], tuned.reference_point[1]),
        hypervolume=tuned.hypervolume,
        n_expected=prepared.expectation.document(),
        evaluations=tuned.evaluations,
        optimiser=tuned.optimiser,
        stop_reason=tuned.stop_reason,
        seed=policy.seed,
    )


def _windows(task: FrameTask, prepared: Prepared, tuned: Tuned, deadline: Deadline) -> ParameterMap:
    policy = task.policy
    results = tune_windows(
        prepared.candidates,
        prepared.expectation,
        prepared.space,
        policy,
        StreamMemory(front=[point.params for point in tuned.points]),
        deadline,
        policy.seed,
    )
    return parameter_map(task.header.frame_id, 0, _grid(task), results)


def _grid(task: FrameTask) -> WindowGrid:
    return WindowGrid.over(task.header.shape, task.policy.windows.size_px, task.policy.windows.step)


def _found(task: FrameTask, prepared: Prepared, params: LogParams | None, windows: ParameterMap) -> Blobs:
    """What the operating point finds, or what the windows' blended parameters find."""
    local = [window.params for window in windows.windows]
    if task.policy.windows.use == "blend" and any(local):
        return blended_blobs(prepared.candidates, _grid(task), local)
    if params is None:
        return Blobs.none()
    return prepared.candidates.select(params)
