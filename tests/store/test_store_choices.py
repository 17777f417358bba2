from __future__ import annotations

import threading
from pathlib import Path

import pytest

from paretoscope.adapters.store import ChoiceClaim, Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.adapters.store.lua import CHOICES_WAITING
from paretoscope.contract import AtomMap, Choice, Fault, OperatingPoint, ParetoFront, StreamMemory
from paretoscope.errors import BadParameters, Busy, NotFound
from store.helpers import PARAMS, atom_map, frame, front, ledger
from store.test_durability import kill


def worked(store: Store) -> str:
    store.put_frame(*frame())
    claim = store.claim_frame("w")
    assert claim is not None
    store.finish_frame(claim, [atom_map(claim.frame_id), front(claim.frame_id), ledger(claim.frame_id)])
    return claim.frame_id


def claimed(store: Store, frame_id: str, **extra: object) -> ChoiceClaim:
    store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=2, **extra))
    claim = store.claim_choice("w")
    assert claim is not None
    return claim


def operator(claim: ChoiceClaim) -> OperatingPoint:
    return OperatingPoint(
        params=PARAMS, origin="operator", frame_id=claim.choice.frame_id, choice_id=claim.choice_id
    )


def test_a_choice_is_answered_with_a_new_revision(store: Store) -> None:
    frame_id = worked(store)
    claim = claimed(store, frame_id)
    assert claim.choice.point == 2
    assert store.choice_result(claim.choice_id).state == "queued"
    revision = store.next_revision(frame_id)
    store.finish_choice(
        claim, [atom_map(frame_id, 2, revision), front(frame_id, revision, 2)], operator(claim)
    )
    result = store.choice_result(claim.choice_id)
    assert (result.state, result.revision, result.frame_id) == ("done", 1, frame_id)
    atoms, points = store.document(frame_id, AtomMap), store.document(frame_id, ParetoFront)
    assert atoms is not None
    assert points is not None
    assert (atoms.count, points.chosen) == (2, 2)
    assert store.memory("stem").operating == operator(claim)
    event = store.read_events("0")[-1][1]
    assert event.kind == "choice"
    assert event.data["choice_id"] == claim.choice_id


def test_answers_are_kept_in_a_bounded_number_and_waiting_choices_whatever_their_number(
    store: Store,
) -> None:
    store.limits = store.limits.model_copy(update={"choices": 2})
    frame_id = worked(store)
    waiting = store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=0))
    first = store.claim_choice("patient")
    assert first is not None
    answered = []
    for _ in range(4):
        claim = claimed(store, frame_id)
        answered.append(claim.choice_id)
        store.finish_choice(claim, [])
    for gone in answered[:2]:
        with pytest.raises(NotFound):
            store.choice_result(gone)
    assert [store.choice_result(one).state for one in answered[2:]] == ["done", "done"]
    assert store.choice_result(waiting).state == "queued"
    assert store.finish_choice(first, [])


def test_a_choice_with_its_own_id_is_queued_once(store: Store) -> None:
    choice = Choice(frame_id=worked(store), stream="stem", weight=0.5, choice_id="mine")
    assert store.submit_choice(choice) == store.submit_choice(choice) == "mine"
    assert store.claim_choice("w") is not None
    assert store.claim_choice("w") is None


def test_answering_twice_is_answering_once(store: Store) -> None:
    frame_id = worked(store)
    claim = claimed(store, frame_id)
    assert store.finish_choice(claim, [atom_map(frame_id, 2, 1)])
    assert not store.finish_choice(claim, [atom_map(frame_id, 9, 1)])
    assert [event.kind for _, event in store.read_events("0")].count("choice") == 1


def test_every_waiter_hears_the_answer(store: Store) -> None:
    claim = claimed(store, worked(store))
    heard: list[str] = []

    def wait() -> None:
        heard.append(store.choice_result(claim.choice_id, wait_s=10.0).state)

    waiters = [threading.Thread(target=wait) for _ in range(3)]
    for waiter in waiters:
        waiter.start()
    store.finish_choice(claim, [])
    for waiter in waiters:
        waiter.join()
    assert heard == ["done"] * 3


def test_a_choice_that_cannot_be_met_says_why(store: Store) -> None:
    claim = claimed(store, worked(store))
    store.fail_choice(claim, Fault(code="no-such-point", hint="The front has 2 points."))
    result = store.choice_result(claim.choice_id)
    assert result.state == "failed"
    assert result.fault is not None
    assert result.fault.code == "no-such-point"


def test_a_choice_whose_worker_died_is_taken_over(store: Store) -> None:
    claim = claimed(store, worked(store))
    again = store.claim_choice("other", block_s=5.0)
    assert again is not None
    assert (again.choice_id, again.deliveries) == (claim.choice_id, 2)


def test_a_choice_on_no_frame_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="no-such-frame"):
        store.submit_choice(Choice(frame_id="stem-e1-000009", stream="stem", weight=0.0))
    with pytest.raises(NotFound, match="no-such-choice"):
        store.choice_result("nothing")


def test_a_pick_made_while_a_frame_is_worked_on_outlives_that_frames_memory(store: Store) -> None:
    service = OperatingPoint(params=PARAMS, frame_id="stem-e1-000000")
    assert store.set_memory("stem", StreamMemory(operating=service, neighbour_px=12.0))
    claim = claimed(store, worked(store))
    store.finish_choice(claim, [], operator(claim))
    assert not store.set_memory("stem", StreamMemory(operating=service, neighbour_px=13.0))
    held = store.memory("stem")
    assert held.operating == operator(claim)
    assert held.neighbour_px == 13.0
    carried = operator(claim).model_copy(update={"frame_id": "stem-e1-000007"})
    assert store.set_memory("stem", held.model_copy(update={"operating": carried}))
    assert store.memory("stem").operating == carried


def test_an_operating_point_can_be_given_back_to_the_service(store: Store) -> None:
    claim = claimed(store, worked(store))
    store.finish_choice(claim, [], operator(claim))
    store.set_operating("stem", None)
    assert store.memory("stem").operating is None
    service = OperatingPoint(params=PARAMS, frame_id=claim.choice.frame_id)
    assert store.set_memory("stem", StreamMemory(operating=service))


def test_a_worker_that_was_thought_dead_does_not_answer_for_its_successor(store: Store) -> None:
    frame_id = worked(store)
    late = claimed(store, frame_id)
    present = store.claim_choice("other", block_s=5.0)
    assert present is not None
    assert not store.keep(late, "w")
    assert not store.finish_choice(late, [atom_map(frame_id, 9, 1)], operator(late))
    assert store.choice_result(late.choice_id).state == "queued"
    assert store.memory("stem").operating is None
    assert store.keep(present, "other")
    assert store.finish_choice(present, [atom_map(frame_id, 2, 2)], operator(present))
    assert not store.fail_choice(late, Fault(code="worker-died", hint="x"))
    assert store.choice_result(late.choice_id).state == "done"
    assert store.counters()["choices:fenced"] == 2
    assert [event.kind for _, event in store.read_events("0")].count("choice") == 1


def test_a_choice_whose_late_worker_answered_first_is_still_there_for_the_next_one(store: Store) -> None:
    late = claimed(store, worked(store))
    assert store.claim_choice("dies", block_s=5.0) is not None
    assert not store.finish_choice(late, [])
    again = store.claim_choice("lives", block_s=5.0)
    assert again is not None
    assert store.finish_choice(again, [])


def test_a_choice_waits_for_as_long_as_it_takes_and_its_frame_with_it(store: Store) -> None:
    frame_id = worked(store)
    choice_id = store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=1))
    assert store._redis.ttl(f"ps:choice:{choice_id}") == -1
    for sequence in range(1, 12):
        store.put_frame(*frame(sequence))
        claim = store.claim_frame("w")
        assert claim is not None
        store.finish_frame(claim, [])
    assert frame_id in store.frames("stem")
    assert len(store.frames("stem")) == 5
    choice = store.claim_choice("w")
    assert choice is not None
    assert store.finish_choice(choice, [front(frame_id, 1, 1)])
    assert store._redis.ttl(f"ps:choice:{choice_id}") > 0
    store.put_frame(*frame(20))
    claim = store.claim_frame("w")
    assert claim is not None
    store.finish_frame(claim, [])
    assert frame_id not in store.frames("stem")


def test_an_id_belongs_to_one_choice(store: Store) -> None:
    frame_id = worked(store)
    store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=1, choice_id="mine"))
    with pytest.raises(BadParameters, match="choice-id-reused"):
        store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=2, choice_id="mine"))


def test_so_many_choices_may_wait_and_no_more(store: Store) -> None:
    frame_id = worked(store)
    for _ in range(CHOICES_WAITING):
        store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=1))
    with pytest.raises(Busy, match="choices-full"):
        store.submit_choice(Choice(frame_id=frame_id, stream="stem", point=1))


def test_a_choice_outlives_the_store_process(folder: Path) -> None:
    with EmbeddedStore(folder) as running, Store.open(running.url, claim_idle_s=0.1) as store:
        frame_id = worked(store)
        waiting = store.submit_choice(Choice(frame_id=frame_id, stream="stem", weight=0.5))
        kill(running, store)
        claim = store.claim_choice("dies", block_s=5.0)
        assert claim is not None
        kill(running, store)
        claim = store.claim_choice("lives", block_s=5.0)
        assert claim is not None
        assert claim.choice_id == waiting
        assert store.finish_choice(claim, [], operator(claim))
        kill(running, store)
        assert store.choice_result(waiting).state == "done"
        assert store.memory("stem").operating == operator(claim)
