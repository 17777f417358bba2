"""After a tuned frame the next ones cost one detection each, until something has changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from paretoscope.contract import (
    AtomMap,
    Classes,
    Course,
    Document,
    OperatingPoint,
    ParameterMap,
    ParetoFront,
    StageTime,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.contract.codec import pack, unpack
from paretoscope.core.blobs import detect_blobs
from paretoscope.core.intensity import to_unit
from paretoscope.deadline import Deadline
from paretoscope.workflows.frame import analyse_frame
from paretoscope.workflows.task import FrameTask
from paretoscope.workflows.tracking import NEXT, Happened, State, state_of
from paretoscope_sim import Sample, Scan, make_sample, render
from workflows.test_frame import last_of, task_for

SIDE_PX, FIELD_NM = 192, 4.0
MIDDLE_NM = 4.4
POLICY = StreamPolicy(lattice="SrTiO3")


def sample(name: str = "SrTiO3") -> Sample:
    return make_sample(name, field_nm=2 * MIDDLE_NM, seed=1)


def scanned(of: Sample | None = None, seed: int = 5, **scan: Any) -> np.ndarray:
    settings = {"field_of_view_nm": FIELD_NM, "centre_nm": (MIDDLE_NM, MIDDLE_NM)} | scan
    return render(of or sample(), Scan(shape=(SIDE_PX, SIDE_PX), **settings), seed=seed).image


def frame(
    image: np.ndarray,
    memory: StreamMemory,
    policy: StreamPolicy = POLICY,
    sequence: int = 1,
    field_nm: float = FIELD_NM,
    **header: Any,
) -> FrameTask:
    task = task_for(image, policy, memory, field_nm / SIDE_PX)
    return replace(task, header=task.header.model_copy(update={"sequence": sequence} | header))


def worked(task: FrameTask, seconds: float = 5.0) -> list[Document]:
    return list(analyse_frame(task, Deadline.after(seconds)))


def course(documents: list[Document]) -> Course:
    return last_of(documents, Course)


@pytest.fixture(scope="module")
def tuned() -> list[Document]:
    return worked(frame(scanned(seed=1), StreamMemory(), sequence=0))


@pytest.fixture(scope="module")
def memory(tuned: list[Document]) -> StreamMemory:
    # As it comes back from the store.
    return unpack(pack(last_of(tuned, StreamMemory)), StreamMemory)


def test_the_frame_after_a_tuned_one_is_detected_and_nothing_else(memory: StreamMemory) -> None:
    documents = worked(frame(scanned(), memory))
    assert course(documents) == Course(tuned_frame_id="test-e1-000000", drift=[])
    stages = {stage.name for stage in documents if isinstance(stage, StageTime)}
    assert stages == {"intensity", "drift", "detect", "refine", "segment"}
    assert {type(one) for one in documents} >= {AtomMap, ParetoFront, ParameterMap, Classes}
    assert StreamMemory not in {type(one) for one in documents}, "nothing new to remember"


def test_tracked_atoms_are_a_plain_detection_with_the_parameters_told(memory: StreamMemory) -> None:
    image = scanned()
    atoms = last_of(worked(frame(image, memory)), AtomMap)
    assert atoms.refinement == "gaussian"
    assert atoms.count == len(detect_blobs(to_unit(image), atoms.params))


def test_the_front_of_a_tracked_frame_is_the_tuned_ones_with_its_own_chosen_point(
    tuned: list[Document], memory: StreamMemory
) -> None:
    documents = worked(frame(scanned(seed=9), memory))
    front, before, atoms = (
        last_of(documents, ParetoFront),
        last_of(tuned, ParetoFront),
        last_of(documents, AtomMap),
    )
    assert (front.frame_id, front.tuned_frame_id) == ("test-e1-000001", "test-e1-000000")
    assert front.stop_reason == "kept"
    assert front.chosen == before.chosen
    others = [index for index in range(len(front.points)) if index != front.chosen]
    assert [front.points[index] for index in others] == [before.points[index] for index in others]
    assert front.points[front.chosen].n_found == int((atoms.columns["area_kind"] != 2).sum())
    assert last_of(documents, ParameterMap).tuned_frame_id == "test-e1-000000"


def test_classes_are_taken_over_with_their_ids(tuned: list[Document], memory: StreamMemory) -> None:
    before, now = last_of(tuned, Classes), last_of(worked(frame(scanned(seed=8), memory)), Classes)
    assert [one.class_id for one in now.classes] == [one.class_id for one in before.classes]
    for one, other in zip(before.classes, now.classes, strict=True):
        assert other.count == pytest.approx(one.count, abs=0.15 * len(now.labels))


def test_how_atoms_were_refined_makes_no_drift() -> None:
    quick = POLICY.model_copy(update={"refinement": "parabola"})
    memory = last_of(worked(frame(scanned(seed=1), StreamMemory(), quick, sequence=0)), StreamMemory)
    assert course(worked(frame(scanned(), memory))).drift == []


def test_a_drifting_stage_is_tracked_all_the_way(memory: StreamMemory) -> None:
    for step in range(1, 13):
        image = scanned(seed=step, centre_nm=(MIDDLE_NM + 0.11 * step, MIDDLE_NM - 0.07 * step))
        assert course(worked(frame(image, memory, sequence=step))).drift == []


@pytest.mark.parametrize(
    ("code", "image", "header"),
    [
        ("dose", lambda: scanned(dwell_us=16.0), {}),
        ("sampling", lambda: scanned(field_of_view_nm=5.2), {"field_nm": 5.2}),
        ("structure", lambda: scanned(rotation_deg=20.0), {}),
        ("structure", lambda: scanned(field_of_view_nm=5.2), {}),
        ("restart", scanned, {"epoch": "e2"}),
        ("detector", scanned, {"detector": "BF"}),
        ("age", scanned, {"sequence": 251}),
    ],
    ids=["half the dose", "magnification", "turned", "magnification untold", "restart", "detector", "age"],
)
def test_what_has_changed_is_told_and_the_frame_is_tuned_anew(
    memory: StreamMemory, code: str, image: Any, header: dict[str, Any]
) -> None:
    documents = worked(frame(image(), memory, **header), seconds=1.0)
    assert code in course(documents).drift
    assert course(documents).tuned_frame_id is None
    front = last_of(documents, ParetoFront)
    assert front.stop_reason != "kept"
    assert front.tuned_frame_id is None
    remembered = last_of(documents, StreamMemory).tracking
    assert remembered.tuned_frame_id == front.frame_id


def test_a_tracked_map_is_out_before_a_drifted_frame_is_tuned(memory: StreamMemory) -> None:
    documents = analyse_frame(frame(scanned(rotation_deg=20.0), memory), Deadline.after(5.0))
    assert isinstance(next(documents), AtomMap)


def test_another_crystal_is_tuned_anew(memory: StreamMemory) -> None:
    documents = worked(frame(scanned(sample("MoS2")), memory), seconds=1.0)
    assert course(documents).drift


def test_another_shape_is_tuned_anew(memory: StreamMemory) -> None:
    task = frame(np.ascontiguousarray(scanned()[:160]), memory)
    assert "shape" in course(worked(task, seconds=1.0)).drift


def test_a_new_policy_or_pick_is_tuned_anew(memory: StreamMemory) -> None:
    other = POLICY.model_copy(update={"weight": 0.9})
    assert course(worked(frame(scanned(), memory, other), seconds=1.0)).drift == ["policy"]
    patient = POLICY.model_copy(update={"deadline_s": 9.0})
    assert course(worked(frame(scanned(), memory, patient))).drift == []
    assert memory.operating is not None
    picked = OperatingPoint(params=memory.operating.params, frame_id="f", origin="operator", choice_id="c")
    memory = memory.model_copy(update={"operating": picked})
    assert course(worked(frame(scanned(), memory), seconds=1.0)).drift == ["choice"]


def test_atoms_knocked_out_by_the_beam_are_told_and_not_tuned_away(memory: StreamMemory) -> None:
    crystal, rng = sample(), np.random.default_rng(0)
    left = rng.random(len(crystal.y_nm))
    counts = []
    for share in (0.0, 0.06, 0.25):
        documents = worked(frame(scanned(crystal.take(left > share)), memory))
        counts.append(last_of(documents, AtomMap).count)
        told = course(documents)
        assert told.tuned_frame_id == "test-e1-000000"
    assert told.drift == ["atoms-falling"]
    assert counts[0] > counts[1] > 1.1 * counts[2]
    front = last_of(documents, ParetoFront)
    assert front.points[front.chosen].qc > 0.1


def test_the_age_of_a_tuning_does_not_make_it_forget_how_many_atoms_there_were(memory: StreamMemory) -> None:
    crystal = sample()
    damaged = crystal.take(np.random.default_rng(0).random(len(crystal.y_nm)) > 0.25)
    documents = worked(frame(scanned(damaged), memory, sequence=300), seconds=2.0)
    assert course(documents).drift == ["age", "atoms-falling"]
    assert memory.tracking is not None
    remembered = last_of(documents, StreamMemory).tracking
    assert remembered.signature.found == memory.tracking.signature.found


def test_one_bright_pixel_more_changes_nothing(memory: StreamMemory) -> None:
    """Thresholds are carried on in counts, not in shares of the brightest atom."""
    image = scanned()
    plain = last_of(worked(frame(image, memory)), AtomMap)
    bright = image.copy()
    y, x = np.mgrid[:SIDE_PX, :SIDE_PX]
    spot = 60_000 * np.exp(-((y - 96) ** 2 + (x - 96) ** 2) / 18.0)
    bright = np.maximum(bright, spot).astype(image.dtype)
    assert int(bright.max()) > 2 * int(image.max())
    atoms = last_of(worked(frame(bright, memory)), AtomMap)
    assert atoms.count == pytest.approx(plain.count, abs=8)


def test_tracking_can_be_switched_off(memory: StreamMemory) -> None:
    off = POLICY.model_copy(update={"tracking": "off"})
    assert state_of(memory, off) is State.IDLE
    assert state_of(memory, POLICY) is State.TRACKING
    assert state_of(StreamMemory(), POLICY) is State.IDLE


def test_every_state_is_reached_and_left() -> None:
    assert {state for state, _ in NEXT} == set(State)
    assert set(NEXT.values()) == set(State)
    assert {happened for _, happened in NEXT} == set(Happened)


def test_rewards_of_one_and_more_say_why_the_front_is_empty() -> None:
    from paretoscope.core.rewards import reward

    reward("useless-here")(lambda blobs, expectation: 1.0)
    policy = POLICY.model_copy(update={"rewards": ["qc", "useless-here"]})
    front = last_of(worked(frame(scanned(), StreamMemory(), policy), seconds=1.0), ParetoFront)
    assert front.points == []
    assert "useless-here" in front.note
