"""A frame by the tuning of an earlier one: one detection, and whether it will do."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass

from paretoscope.contract import (
    AtomMap,
    Classes,
    Course,
    Document,
    Drift,
    ParameterMap,
    ParetoFront,
    Tracking,
)
from paretoscope.core.drift import Pixels, after_detection, atoms_falling
from paretoscope.core.hot_pixels import Cleaned
from paretoscope.deadline import Deadline
from paretoscope.workflows.atoms import atom_map, classed, refinement_for
from paretoscope.workflows.growing import answers
from paretoscope.workflows.operating import scored_point
from paretoscope.workflows.prepared import Prepared, space_of
from paretoscope.workflows.stages import StageClock
from paretoscope.workflows.task import FrameTask
from paretoscope.workflows.tracking import carried, expectation_of, signature_of


@dataclass(frozen=True)
class Tracked:
    """A frame's atoms by the tuning of an earlier one."""

    atoms: AtomMap
    classes: Classes | None
    front: ParetoFront
    windows: ParameterMap | None
    drift: list[Drift]
    """Why it will not do; the rest but `atoms` is not worth much then."""
    falling: bool
    """Fewer atoms than on the tuned frame, and nothing else has changed."""
    tuned_frame_id: str

    def documents(self, stages: StageClock) -> Iterator[Document]:
        told = ["atoms-falling"] if self.falling else []
        yield Course(tuned_frame_id=self.tuned_frame_id, drift=told)
        yield from stages.timed
        yield self.atoms
        yield self.front
        if self.windows is not None:
            yield self.windows
        if self.classes is not None:
            yield self.classes


def track(
    task: FrameTask,
    tuned: Tracking,
    cleaned: Cleaned,
    pixels: Pixels,
    deadline: Deadline,
    device: str,
    stages: StageClock,
) -> Generator[AtomMap, None, Tracked]:
    """One detection with the parameters chosen on the tuned frame, and whether they still fit.

    Where the scale space grew while the frame's rows came, a first map is there milliseconds after the last
    of them, and comes at once; its positions are the parabola's.
    """
    policy, header = task.policy, task.header
    expectation = expectation_of(tuned.expected)
    prepared = Prepared(cleaned.image, expectation, space_of(expectation), device, len(cleaned.places))
    task.cache.put(header.frame_id, prepared)
    chosen = tuned.front.points[tuned.front.chosen or 0]
    params = prepared.snap(carried(tuned, pixels))
    grown = task.grown if answers(task.grown, task.image, params) else None
    with stages("detect" if grown is None else "grown"):
        found = prepared.detect if grown is None else grown.finish(task.image, cleaned).select
        blobs = found(params)
    refinement = refinement_for(policy.refinement, len(blobs), deadline, task.pace)
    if grown is not None and refinement == "gaussian":
        with stages("early"):
            early = atom_map(header, prepared, blobs, params, "parabola", deadline)
        yield early
    with stages("refine"):
        atoms = atom_map(header, prepared, blobs, params, refinement, deadline)
    if refinement == "gaussian":
        task.pace.note("refine", stages.last.ms / 1e3, atoms.count)
    with stages("drift"):
        now = signature_of(prepared, atoms, blobs, pixels)
        drift = after_detection(tuned.signature, now)
        point = scored_point(prepared, params, blobs, policy.rewards)
    classes = None
    if policy.segment.enabled and atoms.count and not drift:
        with stages("segment"):
            atoms, classes, _ = classed(prepared, atoms, policy, task.memory, task.memory.class_model)
    points = list(tuned.front.points)
    points[tuned.front.chosen or 0] = point.model_copy(
        update={"tie_break": chosen.tie_break, "dominated": chosen.dominated}
    )
    own = {"frame_id": header.frame_id, "tuned_frame_id": tuned.tuned_frame_id}
    front = {"points": points, "n_expected": prepared.expected(), "evaluations": 0, "stop_reason": "kept"}
    return Tracked(
        atoms,
        classes,
        tuned.front.model_copy(update=own | front),
        None if tuned.windows is None else tuned.windows.model_copy(update=own),
        drift,
        atoms_falling(tuned.signature, now),
        tuned.tuned_frame_id,
    )
