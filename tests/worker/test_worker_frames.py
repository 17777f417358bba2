from __future__ import annotations

import pytest

from paretoscope.contract import AtomMap, Fault, Guard, Ledger, ParetoFront, StreamPolicy
from store.helpers import frame
from worker.conftest import Bench


def put(bench: Bench, sequence: int = 0, **extra: object) -> str:
    header, pixels = frame(sequence, **extra)
    bench.store.put_frame(header, pixels)
    return header.frame_id


def test_a_frame_gets_atoms_front_ledger_and_guard(bench: Bench) -> None:
    frame_id = put(bench, frame_time_s=1.5, beam_current_pa=50.0, dwell_us=2.0, pixel_size_nm=(0.02, 0.02))
    bench.work()
    assert bench.store.state(frame_id) == "done"
    assert bench.store.latest("stem") == frame_id
    atoms, front = bench.store.document(frame_id, AtomMap), bench.store.document(frame_id, ParetoFront)
    ledger, guard = bench.store.document(frame_id, Ledger), bench.store.document(frame_id, Guard)
    assert atoms is not None
    assert front is not None
    assert ledger is not None
    assert guard is not None
    assert atoms.count == 3
    assert [stage.name for stage in ledger.stages] == ["queued", "detect", "tune", "publish"]
    assert ledger.stages[2].ms == pytest.approx(10.0)
    assert ledger.met
    assert ledger.deadline_ms == 3000.0
    assert ledger.acquisition_ms == 1500.0
    assert ledger.dose_pc_per_nm2 == pytest.approx(0.25)
    assert ledger.total_ms >= ledger.stages[0].ms
    assert guard.fit_for_control


def test_the_first_map_is_out_before_the_frame_is_done(bench: Bench) -> None:
    frame_id = put(bench)
    bench.work()
    told = [event for _, event in bench.store.read_events("0") if event.frame_id == frame_id]
    assert [event.kind for event in told] == [
        "frame",
        "progress",
        "progress",
        "progress",
        "progress",
        "result",
    ]
    assert told[1].data["stage"] == "tune"
    assert [event.data.get("atoms") for event in told[2:]] == [2, None, 3, 3]


@pytest.mark.parametrize(
    ("extra", "policy", "reason"),
    [
        ({"simulated": True}, {}, "simulated"),
        ({"detector": "BF"}, {"expected_detector": "HAADF"}, "wrong-detector"),
        ({"note": "slow"}, {"deadline_s": 0.1}, "deadline-missed"),
        ({}, {"max_er_for_control": 0.01}, "er-too-high"),
        ({"note": "disordered"}, {}, "not-ordered"),
        ({"sequence": 4}, {}, "sequence-gap"),
    ],
)
def test_a_result_that_is_not_fit_for_control_says_why(
    bench: Bench, extra: dict[str, object], policy: dict[str, object], reason: str
) -> None:
    bench.store.set_policy("stem", StreamPolicy(**policy))
    frame_id = put(bench, **extra)
    bench.work()
    guard = bench.store.document(frame_id, Guard)
    assert guard is not None
    assert not guard.fit_for_control
    assert guard.reasons == [reason]


def test_a_disordered_sample_whose_count_was_given_is_fit_for_control(bench: Bench) -> None:
    bench.store.set_policy("stem", StreamPolicy(count=7))
    frame_id = put(bench, note="disordered")
    bench.work()
    guard = bench.store.document(frame_id, Guard)
    assert guard is not None
    assert guard.fit_for_control


def test_a_missed_deadline_is_in_the_ledger(bench: Bench) -> None:
    bench.store.set_policy("stem", StreamPolicy(deadline_s=0.05))
    frame_id = put(bench, note="slow")
    bench.work()
    ledger = bench.store.document(frame_id, Ledger)
    assert ledger is not None
    assert not ledger.met
    assert ledger.total_ms > ledger.deadline_ms


@pytest.mark.parametrize(("note", "code"), [("bad", "constant-image"), ("broken", "internal")])
def test_a_frame_that_cannot_be_worked_fails_alone(bench: Bench, note: str, code: str) -> None:
    bad, good = put(bench, 0, note=note), put(bench, 1)
    bench.work()
    bench.work()
    fault = bench.store.document(bad, Fault)
    assert fault is not None
    assert (fault.code, fault.sequence) == (code, 0)
    assert bench.store.counters()[f"fault:{code}"] == 1
    assert bench.store.state(good) == "done"


def test_a_frame_over_which_workers_keep_dying_is_given_up(bench: Bench) -> None:
    frame_id = put(bench, note="always-kill")
    bench.store.claim_idle_s = 0.01
    for n in range(3):
        assert bench.store.claim_frame(f"dead-{n}", 1.0) is not None
    claim = bench.store.claim_frame("w", 1.0)
    assert claim is not None
    assert claim.deliveries == 4
    bench.frames.work(claim)
    fault = bench.store.document(frame_id, Fault)
    assert fault is not None
    assert fault.code == "worker-died"


def test_the_next_frame_starts_from_what_the_last_one_remembered(bench: Bench) -> None:
    first = put(bench, 0)
    put(bench, 1)
    bench.work()
    bench.work()
    before, after = bench.workflow.memories
    assert before.operating is None
    assert after.operating is not None
    assert after.operating.frame_id == first
    assert after.neighbour_px == 9.0
