"""One frame's way through the numerics, as a pure generator of documents.

The caller gives the image, the stream's policy and memory, a `Deadline` and a device; it gets documents
as soon as they are ready and decides itself where they go.

    tracking   pixels -> unit image -> detect -> refine -> drift? -> classes
    tuning     pixels -> unit image -> expectation -> candidates -> early map -> tune -> windows
               -> refine -> classes
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from paretoscope.contract import (
    Course,
    Document,
    Drift,
    LogParams,
    ParameterMap,
    ParetoFront,
    Progress,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.core.blend import blended_blobs
from paretoscope.core.blobs import Blobs
from paretoscope.core.drift import Pixels, atoms_falling, pixels_of
from paretoscope.core.hot_pixels import Cleaned, without_hot_pixels
from paretoscope.core.windows import WindowGrid
from paretoscope.deadline import Deadline
from paretoscope.workflows.atoms import atom_map, classed, refinement_for
from paretoscope.workflows.operating import keep_operating_point, operating_point_of
from paretoscope.workflows.prepared import Prepared, prepare
from paretoscope.workflows.stages import Budget, StageClock
from paretoscope.workflows.task import FrameTask
from paretoscope.workflows.tracked import track
from paretoscope.workflows.tracking import (
    NEXT,
    Happened,
    State,
    reasons_before,
    remembered,
    signature_of,
    state_of,
)
from paretoscope.workflows.tuning import Tuned, tune
from paretoscope.workflows.window_tuning import parameter_map, tune_windows

ProgressSink = Callable[[Progress], None]


def analyse_frame(
    task: FrameTask, deadline: Deadline, device: str = "cpu", progress: ProgressSink | None = None
) -> Iterator[Document]:
    """Yield AtomMap, ParetoFront, ParameterMap, Classes, StreamMemory, Course and StageTime documents.

    A stream that tracks costs one detection (`tracked.track`). Otherwise, or where the frame has drifted away
    from the one that was tuned, it is tuned. The first AtomMap may come early (from the operating point) and
    be followed by a better one; the last document of each type is the one that counts, and once Course has
    come nothing is left to be worked on. `progress` is called from within, now and then. Whatever happens,
    the generator ends soon after the deadline with the best result so far.

    Raises BadFrame for pixels that cannot be analysed, BadLattice for a lattice that cannot be placed.
    """
    stages = StageClock(deadline.clock)
    with stages("intensity"):
        cleaned = without_hot_pixels(task.image)
    with stages("drift"):
        pixels = pixels_of(task.image, cleaned.high - cleaned.low)
    tuned, drift = task.memory.tracking, list[Drift]()
    state = NEXT[state_of(task.memory, task.policy), Happened.FRAME]
    if state is State.TRACKING and tuned is not None:
        drift = reasons_before(tuned, task.header, task.policy, task.memory, pixels)
        if not drift:
            tracked = yield from track(task, tuned, cleaned, pixels, deadline, device, stages)
            if not tracked.drift:
                yield from tracked.documents(stages)
                return
            drift = tracked.drift
            yield tracked.atoms
        state = NEXT[NEXT[state, Happened.DRIFT], Happened.FRAME]
    assert state is State.TUNING
    yield from _tune(task, cleaned, pixels, drift, deadline, device, stages, progress)


def _tune(
    task: FrameTask,
    cleaned: Cleaned,
    pixels: Pixels,
    drift: list[Drift],
    deadline: Deadline,
    device: str,
    stages: StageClock,
    progress: ProgressSink | None,
) -> Iterator[Document]:
    policy, frame_id = task.policy, task.header.frame_id
    task.cache.make_room(cleaned.image.size)
    prepared = prepare(task.header, cleaned, policy, device, stages)
    with stages("scale-space"):
        candidates = prepared.candidates
    task.cache.put(frame_id, prepared)
    memory = prepared.rescaled(task.memory)
    if memory.operating is not None:
        # Where the stream stands is worth seeing at once; the search may still find something better.
        standing = prepared.snap(memory.operating.params)
        with stages("track"):
            blobs = prepared.detect(standing)
            early = atom_map(task.header, prepared, blobs, standing, "parabola", deadline)
        yield early

    budget = Budget.of(deadline, prepared.expectation.n_expected, policy.segment.enabled, task.pace)
    with stages("tune"):
        tuned = tune(
            candidates,
            prepared.expectation,
            prepared.space,
            policy,
            memory,
            budget.frame,
            policy.seed,
            progress=_reporter(frame_id, "tune", progress),
        )
        tuned = keep_operating_point(prepared, tuned, policy, memory)
    front = _front(frame_id, prepared, tuned, policy)
    yield front

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
    now = signature_of(prepared, atoms, blobs, pixels)
    tracking = None
    if tuned.params is not None and policy.windows.use == "frame":
        tracking = remembered(task.header, policy, memory, prepared, front, windows, now, drift)
    memory = memory.model_copy(update={"tracking": tracking})
    if policy.segment.enabled and atoms.count:
        with stages("segment"):
            atoms, classes, memory = classed(prepared, atoms, policy, memory)
        task.pace.note("segment", stages.last.ms / 1e3, atoms.count)
        yield atoms
        yield classes
    yield memory
    before = task.memory.tracking
    # Another dose, pick or policy finds another number of atoms; that says nothing about the sample.
    falling = (
        before is not None and atoms_falling(before.signature, now) and set(drift) <= {"age", "structure"}
    )
    yield Course(drift=[*drift, *(["atoms-falling"] if falling else [])])
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
        n_expected=prepared.expected(),
        evaluations=tuned.evaluations,
        optimiser=tuned.optimiser,
        stop_reason=tuned.stop_reason,
        seed=policy.seed,
        note=_why_empty(tuned, policy),
    )


def _why_empty(tuned: Tuned, policy: StreamPolicy) -> str | None:
    if tuned.points or not tuned.evaluations:
        return None
    return (
        f"{tuned.evaluations} parameter sets were tried; each has 1 or more in at least one of "
        f"{', '.join(policy.rewards)} (missing as many atoms as there should be, say), and such a point is "
        "never on the front. Check the lattice, the expected count and what the rewards call useless."
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
    return prepared.detect(params)
