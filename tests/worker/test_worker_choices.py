from __future__ import annotations

import pytest

from paretoscope.contract import AtomMap, Choice, Guard, Ledger, LogParams, ParetoFront
from store.helpers import PARAMS, frame
from worker.conftest import Bench


def worked(bench: Bench, sequence: int = 0) -> str:
    bench.store.put_frame(*frame(sequence))
    return bench.work()


def choose(bench: Bench, frame_id: str, **how: object):
    bench.store.submit_choice(Choice(frame_id=frame_id, stream="stem", **how))
    return bench.store.choice_result(bench.answer())


def seen(bench: Bench, frame_id: str) -> tuple[AtomMap, ParetoFront]:
    atoms, front = bench.store.document(frame_id, AtomMap), bench.store.document(frame_id, ParetoFront)
    assert atoms is not None
    assert front is not None
    return atoms, front


def test_picking_a_point_changes_the_map_and_the_chosen_point(bench: Bench) -> None:
    frame_id = worked(bench)
    result = choose(bench, frame_id, point=2)
    atoms, front = seen(bench, frame_id)
    assert (result.state, result.revision) == ("done", 1)
    assert (atoms.revision, atoms.count) == (1, 90)
    assert (front.revision, front.chosen) == (1, 2)
    guard = bench.store.document(frame_id, Guard)
    assert guard is not None
    assert guard.fit_for_control


def test_a_choice_steers_the_next_frame(bench: Bench) -> None:
    frame_id = worked(bench)
    result = choose(bench, frame_id, point=0, by="operator at the desk")
    worked(bench, 1)
    operating = bench.workflow.memories[-1].operating
    assert operating is not None
    assert operating.origin == "operator"
    assert operating.params.threshold == 0.02
    assert operating.choice_id == result.choice_id


def test_a_choice_for_one_frame_leaves_the_next_alone(bench: Bench) -> None:
    frame_id = worked(bench)
    choose(bench, frame_id, point=0, scope="frame")
    worked(bench, 1)
    operating = bench.workflow.memories[-1].operating
    assert operating is not None
    assert operating.origin == "service"


@pytest.mark.parametrize(("weight", "point"), [(0.0, 0), (0.5, 1), (1.0, 2)])
def test_a_weight_walks_along_the_front(bench: Bench, weight: float, point: int) -> None:
    frame_id = worked(bench)
    choose(bench, frame_id, weight=weight)
    assert seen(bench, frame_id)[1].chosen == point


def test_parameters_of_ones_own_join_the_front(bench: Bench) -> None:
    frame_id = worked(bench)
    mine = LogParams(sigma_min=2.0, sigma_max=3.0, threshold=0.04, overlap=0.5)
    choose(bench, frame_id, params=mine)
    atoms, front = seen(bench, frame_id)
    assert atoms.count == 40
    assert front.chosen is not None
    chosen = front.points[front.chosen]
    assert chosen.params == mine
    assert chosen.dominated
    assert len(front.points) == 4


def test_the_frames_own_ledger_stays_and_the_redetections_stands_beside_it(bench: Bench) -> None:
    frame_id = worked(bench)
    before = bench.store.document(frame_id, Ledger)
    choose(bench, frame_id, point=2)
    after = bench.store.document(frame_id, Ledger)
    assert after is not None
    assert after.model_copy(update={"redetection": None}) == before
    assert after.redetection is not None
    assert after.redetection.mode == "redetection"
    assert {stage.name: stage.ms for stage in after.redetection.stages} == {"detect": 1.0}
    assert 0.0 < after.redetection.total_ms <= after.redetection.deadline_ms
    assert after.redetection.met
    event = bench.store.read_events("0")[-1][1]
    assert event.data["redetect_ms"] > 0.0
    assert event.data["stages"] == {"detect": 1.0}


def test_a_point_beyond_the_front_is_told(bench: Bench) -> None:
    result = choose(bench, worked(bench), point=9)
    assert result.fault is not None
    assert result.fault.code == "no-such-point"
    assert "0 to 2" in result.fault.hint


def test_a_choice_ahead_of_the_front_may_be_asked_again(bench: Bench) -> None:
    header, pixels = frame(3)
    bench.store.put_frame(header, pixels)
    result = choose(bench, header.frame_id, point=0)
    assert result.fault is not None
    assert (result.fault.code, result.fault.retry) == ("no-front-yet", True)
    assert choose(bench, header.frame_id, params=PARAMS).state == "done"
