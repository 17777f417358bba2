"""What a loop may act on, how it picks, waits and resumes: the client and its asyncio twin."""

from __future__ import annotations

import threading
import time
from typing import Any

import numpy as np
import pytest

from client.twins import client  # noqa: F401
from paretoscope.adapters.store import Store
from paretoscope.contract import Guard, LogParams, StreamPolicy, TargetRule
from paretoscope.errors import BadInput, BadParameters, Busy, ServiceDown, UnfitResult
from paretoscope_client import Client
from paretoscope_client.fronts import balanced, least_false, least_missed
from serving import SIDE, SmallWorker, api, put, put_worked, results, server, store, worker  # noqa: F401


class Feed:
    """Frames with a finished result, one every 0.1 s, from number 1 on."""

    def __init__(self, store: Store, fit_from: int = 1000) -> None:  # noqa: F811
        self._store, self._stop, self._fit_from = store, threading.Event(), fit_from
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        for sequence in range(1, 300):
            if self._stop.wait(0.1):
                return
            frame_id = put(self._store, sequence)
            claim = self._store.claim_frame("w", 5.0)
            assert claim is not None
            fit = [Guard(frame_id=frame_id, fit_for_control=True)] if sequence >= self._fit_from else []
            self._store.finish_frame(claim, [*results(frame_id), *fit])

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def test_a_loop_refuses_unfit_results_with_their_reasons(client: Any, store: Store):  # noqa: F811
    with Feed(store), pytest.raises(UnfitResult, match="simulated") as refused:
        next(client.results("stem"))
    assert refused.value.reasons == ("simulated",)
    assert "allow={'simulated'}" in refused.value.hint


def test_a_loop_goes_on_behind_a_refused_result(client: Any, store: Store):  # noqa: F811
    loop, refused = client.results("stem"), []
    with Feed(store):
        for _ in range(2):
            with pytest.raises(UnfitResult) as told:
                next(loop)
            refused.append(told.value.frame_id)
    assert refused[0] < refused[1]


def test_reasons_that_are_allowed_do_not_count(client: Any, store: Store):  # noqa: F811
    with Feed(store):
        assert next(client.results("stem", allow={"simulated"})).unfit(allow={"simulated"}) == ()
        assert next(client.results("stem", unfit="pass")).unfit() == ("simulated",)


def test_skipped_results_are_left_out_and_logged(
    client: Any,  # noqa: F811
    store: Store,  # noqa: F811
    caplog: pytest.LogCaptureFixture,
):
    loop = client.results("stem", unfit="skip", include_current=True, timeout_s=20.0)
    with Feed(store, fit_from=3):
        assert next(loop).header.sequence >= 3
    assert "skipped: not fit for control: simulated" in caplog.text


def test_a_word_that_is_no_way_with_unfit_results_is_refused(client: Any):  # noqa: F811
    with pytest.raises(BadParameters, match="'raise', 'skip' or 'pass'"):
        client.results("stem", unfit="ignore")


def test_a_result_ages_in_the_readers_hands(client: Any, store: Store):  # noqa: F811
    put_worked(store)
    store.set_policy("stem", StreamPolicy(max_age_for_control_s=2.0))
    result = client.latest("stem")
    assert "stale" not in result.unfit()
    assert "stale" in result.unfit(max_age_s=1e-9)
    while "stale" not in result.unfit():
        assert result.age_now_s < 5.0
        time.sleep(0.05)
    with pytest.raises(UnfitResult, match=r"stale, [2-9]\.\d s old"):
        result.require_fit(allow={"simulated"})


def test_the_newest_result_is_never_a_stale_one(client: Any, store: Store):  # noqa: F811
    put_worked(store)
    store.set_policy("stem", StreamPolicy(max_age_for_control_s=0.3))
    time.sleep(0.4)
    with pytest.raises(UnfitResult, match="stale") as refused:
        client.latest("stem")
    assert refused.value.reasons == ("stale",)
    assert client.latest("stem", stale=True).header.sequence == 0
    threading.Timer(0.3, put_worked, (store, 1)).start()
    assert client.latest("stem", wait_s=10.0).header.sequence == 1


def test_a_quiet_stream_is_told_after_the_time_out(client: Any, store: Store):  # noqa: F811
    put_worked(store)
    with pytest.raises(Busy, match=r"no-new-result.*0\.3 s") as quiet:
        next(client.results("stem", timeout_s=0.3))
    assert quiet.value.retry is True


def test_points_are_picked_by_rule(client: Any, store: Store, worker: SmallWorker):  # noqa: F811
    frame_id = put_worked(store)
    assert client.choose(frame_id, rule=least_missed(max_er=0.06)).frame.chosen == 2
    assert client.choose(frame_id, rule=least_false(max_qc=0.1)).frame.chosen == 1
    assert client.choose(frame_id, rule=balanced()).frame.chosen == 2
    assert client.choose(frame_id, rule=lambda front: len(front.points) - 1).frame.chosen == 3
    with pytest.raises(BadParameters, match=r"no-point-fits.*4 points"):
        client.choose(frame_id, rule=least_missed(max_er=-1.0))
    with pytest.raises(BadParameters, match="rule alone"):
        client.choose(frame_id, rule=balanced(), weight=0.5)


def test_a_re_detection_that_takes_long_is_waited_for(client: Any, store: Store):  # noqa: F811
    frame_id = put_worked(store)
    queued = client.choose(frame_id, weight=1.0, wait_s=0.0)
    assert (queued.state, queued.frame) == ("queued", None)
    with pytest.raises(Busy, match="not-yet"):
        client.redetected(queued, timeout_s=0.1)
    with SmallWorker(store):
        assert client.redetected(queued, timeout_s=20.0).chosen == 3
    assert client.redetected(queued.choice_id).atoms == 38


def test_a_policy_is_changed_field_by_field(client: Any, store: Store):  # noqa: F811
    store.set_policy("stem", StreamPolicy(lattice="graphene", deadline_s=2.0))
    changed = client.change_policy("stem", deadline_s=1.5, expected_detector="HAADF")
    assert (changed.lattice, changed.deadline_s, changed.expected_detector) == ("graphene", 1.5, "HAADF")
    assert client.policy("stem") == changed
    for wrong in ({"deadline": 1.0}, {"deadline_s": -1.0}):
        with pytest.raises(BadParameters, match="bad-policy"):
            client.change_policy("stem", **wrong)


def test_targets_are_the_atoms_in_fractions_of_the_scan(client: Any, store: Store):  # noqa: F811
    frame_id = put_worked(store)
    store.name_class("stem", 2, "Si")
    result = client.latest("stem")
    with pytest.raises(UnfitResult, match="simulated"):
        client.targets(result)
    targets = client.targets(result, classes=("si",), edge_px=10, allow={"simulated"})
    atoms = client.atoms(frame_id)
    wanted = (atoms["class_id"] == 2) & (np.abs(atoms["y_px"] - SIDE / 2) < SIDE / 2 - 10)
    wanted &= np.abs(atoms["x_px"] - SIDE / 2) < SIDE / 2 - 10
    assert sorted(targets.columns["atom_id"].tolist()) == atoms["atom_id"][wanted].tolist()
    x, y = targets.points[0]
    first = targets.columns["atom_id"][0]
    assert (x, y) == ((atoms["x_px"][first] + 0.5) / SIDE, (atoms["y_px"][first] + 0.5) / SIDE)
    by_id = client.targets(frame_id, TargetRule(classes=(2,)), allow={"simulated"})
    assert len(by_id) > len(targets)
    with pytest.raises(BadParameters, match=r"no-such-class.*known: Si"):
        client.targets(result, classes=("gold",), allow={"simulated"})
    with pytest.raises(BadParameters, match="bad-rule"):
        client.targets(result, at_most=0, allow={"simulated"})


def test_columns_come_as_a_pandas_table(client: Any, store: Store):  # noqa: F811
    table = client.table(put_worked(store))
    assert table.index.name == "atom_id"
    assert table["class_id"].value_counts().to_dict() == {0: 19, 1: 19, 2: 20, -1: 2}
    assert str(table.dtypes["y_px"]) == "float32"


def test_listening_is_resumed_at_the_last_event_heard(client: Any, store: Store):  # noqa: F811
    put_worked(store, 0)
    events = client.events("stem", after="0")
    first = next(events)
    events.close()
    put_worked(store, 1)
    resumed = client.events("stem", after=first.event_id)
    heard = [next(resumed) for _ in range(3)]
    resumed.close()
    assert [one.kind for one in heard] == ["result", "frame", "result"]
    assert len({first.event_id, *(one.event_id for one in heard)}) == 4


def test_readiness_is_awaited_and_what_is_missing_said(client: Any, store: Store):  # noqa: F811
    with pytest.raises(ServiceDown, match="No worker was heard of"):
        client.wait_ready(0.1)
    with SmallWorker(store):
        assert client.wait_ready(10.0).ready
    with Client("http://127.0.0.1:9") as nobody, pytest.raises(ServiceDown, match="cannot be reached"):
        nobody.wait_ready(0.3)


def test_a_frame_without_a_result_is_unfit(client: Any, store: Store):  # noqa: F811
    assert client.frame(put(store)).unfit() == ("no-guard", "not-done")


def test_a_choice_the_service_refuses_says_so(client: Any, store: Store):  # noqa: F811
    params = LogParams(sigma_min=1.0, sigma_max=2.0, threshold=0.1, overlap=0.2)
    with pytest.raises(BadInput):
        client.choose(put_worked(store), params=params, point=1)


def test_the_result_of_one_frame_is_awaited_from_before_it_is_there(client: Any, store: Store):  # noqa: F811
    threading.Timer(0.3, put, (store, 0)).start()
    threading.Timer(0.8, put_worked, (store, 0)).start()
    assert client.result("stem-e1-000000", timeout_s=20.0).atoms == 60
    put(store, 1)
    with pytest.raises(Busy, match=r"not-yet.*queued"):
        client.result("stem-e1-000001", timeout_s=0.2)
    with pytest.raises(Busy, match=r"not-yet.*not there"):
        client.result("stem-e1-000009", timeout_s=0.2)


def test_a_frame_that_cannot_be_analysed_raises_its_fault(client: Any, worker: SmallWorker):  # noqa: F811
    accepted = client.submit(np.zeros((64, 64), np.uint16), stream="lab")
    with pytest.raises(BadInput, match=r"constant-image.*blanked"):
        client.result(accepted.frame_id, timeout_s=20.0)


def test_a_reason_is_allowed_with_what_follows_its_colon(client: Any, store: Store):  # noqa: F811
    result = client.frame(put_worked(store))
    guard = Guard(frame_id=result.frame_id, fit_for_control=False, reasons=["drifted: dose", "simulated"])
    drifted = result.model_copy(update={"guard": guard})
    assert drifted.unfit(allow={"drifted"}) == ("simulated",)
    assert drifted.unfit(allow={"dose"}) == ("drifted: dose", "simulated")
