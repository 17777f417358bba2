"""One frame's way through the numerics: what comes out, when, and what the next frame inherits."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest

import paretoscope as ps
from paretoscope.contract import (
    AtomMap,
    Classes,
    Document,
    FrameHeader,
    FrontPoint,
    OperatingPoint,
    ParameterMap,
    ParetoFront,
    Progress,
    StageTime,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.deadline import Deadline
from paretoscope.errors import BadFrame, BadLattice
from paretoscope.workflows.frame import analyse_frame
from paretoscope.workflows.redetection import redetect_frame
from paretoscope.workflows.task import FrameTask
from paretoscope_sim import Scan, make_sample, render

FIELD_NM, SIDE_PX = 4.0, 192
PIXEL_NM = FIELD_NM / SIDE_PX


def frame(sample: str = "SrTiO3", field_nm: float = FIELD_NM, seed: int = 3) -> Any:
    scan = Scan(field_of_view_nm=field_nm, shape=(SIDE_PX, SIDE_PX))
    return render(make_sample(sample, field_nm=field_nm, seed=1), scan, seed=seed)


def task_for(
    image: np.ndarray,
    policy: StreamPolicy | None = None,
    memory: StreamMemory | None = None,
    pixel_nm: float | None = PIXEL_NM,
) -> FrameTask:
    header = FrameHeader(
        stream="test",
        epoch="e1",
        sequence=0,
        shape=(image.shape[0], image.shape[1]),
        dtype=str(image.dtype),  # type: ignore[arg-type]
        nbytes=image.nbytes,
        crc32=zlib.crc32(image.tobytes()),
        pixel_size_nm=None if pixel_nm is None else (pixel_nm, pixel_nm),
    )
    return FrameTask(header, image, policy or StreamPolicy(lattice="SrTiO3"), memory or StreamMemory())


def last_of(documents: list[Document], kind: type[Any]) -> Any:
    return [document for document in documents if type(document) is kind][-1]


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    return frame().image


@pytest.fixture(scope="module")
def analysed(image: np.ndarray) -> tuple[FrameTask, list[Document]]:
    task = task_for(image)
    return task, list(analyse_frame(task, Deadline.after(20.0)))


def test_a_frame_gives_atoms_front_windows_classes_memory_and_stage_times(analysed: Any) -> None:
    kinds = {type(document) for document in analysed[1]}
    assert kinds >= {AtomMap, ParetoFront, ParameterMap, Classes, StreamMemory, StageTime}


def test_the_atoms_are_those_of_the_chosen_point(analysed: Any) -> None:
    atoms, front = last_of(analysed[1], AtomMap), last_of(analysed[1], ParetoFront)
    chosen = front.points[front.chosen]
    assert atoms.params == chosen.params
    assert int((atoms.columns["area_kind"] != 2).sum()) == chosen.n_found


def test_a_point_of_the_front_is_a_plain_detection_with_its_parameters(
    analysed: Any, image: np.ndarray
) -> None:
    atoms, front = last_of(analysed[1], AtomMap), last_of(analysed[1], ParetoFront)
    assert len(ps.detect(image, front.points[front.chosen].params)) == atoms.count


def test_positions_in_nm_are_pixels_times_pixel_size(analysed: Any) -> None:
    columns = last_of(analysed[1], AtomMap).columns
    assert columns["y_nm"] == pytest.approx(columns["y_px"] * PIXEL_NM, rel=1e-5)
    assert columns["x_nm"] == pytest.approx(columns["x_px"] * PIXEL_NM, rel=1e-5)


def test_every_number_of_the_atoms_is_finite(analysed: Any) -> None:
    for name, column in last_of(analysed[1], AtomMap).columns.items():
        assert np.isfinite(column).all(), name


def test_labels_of_the_classes_stand_on_the_atoms(analysed: Any) -> None:
    atoms, classes = last_of(analysed[1], AtomMap), last_of(analysed[1], Classes)
    assert np.array_equal(atoms.columns["class_id"], classes.labels)


def test_even_without_time_the_best_so_far_comes_out(image: np.ndarray) -> None:
    documents = list(analyse_frame(task_for(image), Deadline.after(0.0)))
    assert last_of(documents, AtomMap).columns.keys() >= {"y_px", "x_px", "class_id"}
    assert last_of(documents, ParetoFront).stop_reason in ("deadline", "nothing-found", "converged")


def test_progress_is_told_while_the_search_goes_on(image: np.ndarray) -> None:
    told: list[Progress] = []
    list(analyse_frame(task_for(image), Deadline.after(20.0), progress=told.append))
    assert told
    assert [one.fraction for one in told] == sorted(one.fraction for one in told)
    assert told[-1].fraction == 1.0


def test_the_same_seed_gives_the_same_front(image: np.ndarray, analysed: Any) -> None:
    again = list(analyse_frame(task_for(image), Deadline.after(20.0)))
    assert last_of(again, ParetoFront).points == last_of(analysed[1], ParetoFront).points


def test_the_next_frame_starts_where_this_one_ended(analysed: Any, image: np.ndarray) -> None:
    memory = last_of(analysed[1], StreamMemory)
    assert memory.operating is not None
    every = StreamPolicy(lattice="SrTiO3", tracking="off")
    documents = list(analyse_frame(task_for(frame(seed=4).image, every, memory), Deadline.after(20.0)))
    assert isinstance(documents[0], AtomMap), "an early map comes before the search"
    assert documents[0].params is not None
    assert documents[0].params.threshold == last_of(analysed[1], AtomMap).params.threshold


def operator_memory(analysed: Any, **update: object) -> StreamMemory:
    memory = last_of(analysed[1], StreamMemory)
    standing = OperatingPoint(
        params=memory.operating.params.model_copy(update=update),
        origin="operator",
        frame_id="test-e1-000000",
        choice_id="c1",
    )
    return memory.model_copy(update={"operating": standing})


def test_the_operators_parameters_stay_chosen_though_the_search_finds_better(analysed: Any) -> None:
    memory = operator_memory(analysed, threshold=0.2)
    documents = list(analyse_frame(task_for(frame(seed=4).image, memory=memory), Deadline.after(20.0)))
    front = last_of(documents, ParetoFront)
    assert front.points[front.chosen].params.threshold == pytest.approx(0.2)
    assert last_of(documents, AtomMap).params == front.points[front.chosen].params
    assert last_of(documents, StreamMemory).operating.choice_id == "c1"


def test_parameters_follow_the_magnification(analysed: Any) -> None:
    memory = operator_memory(analysed)
    wider = frame(field_nm=2 * FIELD_NM).image
    task = task_for(wider, memory=memory, pixel_nm=2 * PIXEL_NM)
    early = next(iter(analyse_frame(task, Deadline.after(20.0))))
    assert isinstance(early, AtomMap)
    assert early.params is not None
    assert memory.operating is not None
    assert early.params.sigma_max == pytest.approx(memory.operating.params.sigma_max / 2, rel=0.1)


def test_a_redetection_needs_no_second_scale_space(analysed: Any) -> None:
    task, documents = analysed
    params = last_of(documents, ParetoFront).points[0].params.model_copy(update={"threshold": 0.15})
    again = list(redetect_frame(task, params, revision=3))
    assert {stage.name for stage in again if isinstance(stage, StageTime)} == {"detect", "refine", "segment"}
    atoms, point = last_of(again, AtomMap), last_of(again, FrontPoint)
    assert atoms.revision == 3
    assert int((atoms.columns["area_kind"] != 2).sum()) == point.n_found


def test_a_redetection_in_another_process_gives_the_same_atoms(analysed: Any, image: np.ndarray) -> None:
    task, documents = analysed
    params = last_of(documents, ParetoFront).points[0].params
    here = last_of(list(redetect_frame(task, params, 1)), AtomMap)
    elsewhere = last_of(list(redetect_frame(task_for(image), params, 1)), AtomMap)
    assert np.array_equal(here.columns["y_px"], elsewhere.columns["y_px"])


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda image: np.full_like(image, 7), "constant-image"),
        (lambda image: np.where(image > image.mean(), np.nan, image.astype(np.float32)), "not-finite"),
        (lambda image: image[:1, :1].copy(), "too-small"),
    ],
)
def test_pixels_that_cannot_be_analysed_are_refused(image: np.ndarray, spoil: Any, code: str) -> None:
    with pytest.raises(BadFrame) as told:
        list(analyse_frame(task_for(spoil(image).astype(image.dtype if code != "not-finite" else np.float32)),
                           Deadline.after(1.0)))  # fmt: skip
    assert told.value.code == code
    assert told.value.hint


@pytest.mark.parametrize("shape", [(4, 4), (5, 7), (8, 8), (11, 11), (4, 300), (300, 4), (16, 16)])
@pytest.mark.parametrize("lattice", [None, "SrTiO3"])
def test_the_smallest_images_are_answered_too(
    image: np.ndarray, shape: tuple[int, int], lattice: str | None
) -> None:
    tiny = np.tile(image, (2, 2))[: shape[0], : shape[1]].copy()
    found = list(analyse_frame(task_for(tiny, StreamPolicy(lattice=lattice)), Deadline.after(0.3)))
    front = last_of(found, ParetoFront)
    # A few dozen pixels may hold nothing that stands out above noise: then nothing is expected, and said.
    assert front.n_expected is not None or front.stop_reason == "nothing-found"
    assert last_of(found, AtomMap).shape == shape


def test_a_lattice_in_nm_needs_a_pixel_size(image: np.ndarray) -> None:
    with pytest.raises((BadLattice, BadFrame)) as told:
        list(analyse_frame(task_for(image, pixel_nm=None), Deadline.after(1.0)))
    assert told.value.code == "missing-pixel-size"


def test_blended_windows_cover_the_frame_without_one_operating_point(image: np.ndarray) -> None:
    policy = StreamPolicy(lattice="SrTiO3").model_copy(
        update={"windows": StreamPolicy().windows.model_copy(update={"use": "blend", "size_px": 96})}
    )
    documents = list(analyse_frame(task_for(image, policy), Deadline.after(20.0)))
    atoms, windows = last_of(documents, AtomMap), last_of(documents, ParameterMap)
    assert atoms.params is None
    assert len(windows.windows) == windows.grid[0] * windows.grid[1]
    truth = int(frame().truth.in_frame.sum())
    assert atoms.count == pytest.approx(truth, rel=0.1)
