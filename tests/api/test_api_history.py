"""Many frames at once, what a stream adds up to, and atoms as places for the beam."""

from __future__ import annotations

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.contract import Fault, Ledger, StreamPolicy
from serving import SmallWorker, put, put_worked, results

NM = 0.02
DOSE = 50.0 * 10.0e-6 / NM**2
"""50 pA, 10 us, 0.02 nm."""


def test_a_row_tells_what_a_strip_of_frames_needs(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0, beam_current_pa=50.0)
    (row,) = http.get("/v1/streams/stem/frames", params={"detail": True}).json()["rows"]
    assert (row["frame_id"], row["state"], row["sequence"]) == (frame_id, "done", 0)
    assert (row["atoms"], row["qc"], row["er"], row["n_expected"]) == (60, 0.06, 0.12, 64.0)
    assert (row["total_ms"], row["deadline_ms"], row["met"], row["mode"]) == (574.0, 3000.0, True, "tuning")
    assert (row["fit_for_control"], row["reasons"]) == (False, ["simulated"])
    assert row["dose_pc_per_nm2"] == pytest.approx(DOSE)
    assert row["classes"] is not None
    assert row["fault"] is None


def test_a_frame_that_waits_or_failed_has_a_row_as_well(http: httpx.Client, store: Store):
    put(store, 0)
    claim = store.claim_frame("w", 0.01)
    assert claim is not None
    store.fail_frame(
        claim, Fault(code="constant-image", hint="Is the beam blanked?", frame_id=claim.frame_id)
    )
    put(store, 3)
    newest, failed = http.get("/v1/streams/stem/frames", params={"detail": True}).json()["rows"]
    assert (newest["state"], newest["gap"], newest["atoms"]) == ("queued", 2, None)
    assert (failed["state"], failed["fault"], failed["hint"]) == (
        "failed",
        "constant-image",
        "Is the beam blanked?",
    )


def test_pages_follow_each_other_while_frames_come(http: httpx.Client, store: Store):
    ids = [put_worked(store, number) for number in range(7)][::-1]
    first = http.get("/v1/streams/stem/frames", params={"detail": True, "limit": 3}).json()
    assert first["frames"] == ids[:3]
    put_worked(store, 7)
    second = http.get("/v1/streams/stem/frames", params={"limit": 3, "before": first["before"]}).json()
    assert second["frames"] == ids[3:6]
    assert second["rows"] is None
    last = http.get("/v1/streams/stem/frames", params={"limit": 3, "before": second["before"]}).json()
    assert (last["frames"], last["before"]) == (ids[6:], None)
    gone = http.get("/v1/streams/stem/frames", params={"before": "stem-e0-000000"}).json()
    assert gone["frames"] == []


def test_a_redetection_renews_the_row(http: httpx.Client, store: Store, worker: SmallWorker):
    frame_id = put_worked(store, 0)
    assert http.post(f"/v1/frames/{frame_id}/choice", json={"point": 3}).status_code == 200
    (row,) = http.get("/v1/streams/stem/frames", params={"detail": True}).json()["rows"]
    assert (row["revision"], row["atoms"], row["er"]) == (1, 38, 0.0)


def test_the_tally_counts_every_outcome_since_the_stream_began(http: httpx.Client, store: Store):
    put_worked(store, 0)
    put(store, 1)
    late = store.claim_frame("w", 0.01)
    assert late is not None
    documents = [
        one.model_copy(update={"met": False}) if isinstance(one, Ledger) else one
        for one in results(late.frame_id)
    ]
    store.finish_frame(late, documents)
    put(store, 4)  # 2 and 3 never came
    failed = store.claim_frame("w", 0.01)
    assert failed is not None
    store.fail_frame(failed, Fault(code="no-pixels", hint="-", frame_id=failed.frame_id))
    store.set_policy("stem", StreamPolicy(drop="newest"))
    put(store, 5)
    put(store, 6)
    assert store.claim_frame("w", 0.01) is not None
    told = http.get("/v1/streams/stem/tally").json()
    assert (told["received"], told["done"], told["failed"], told["dropped"]) == (5, 2, 1, 1)
    assert (told["late"], told["gaps"], told["missing"], told["waiting"]) == (1, 1, 2, 1)
    assert told["failed_by_code"] == {"no-pixels": 1}
    assert sum(told["dropped_by_reason"].values()) == 1
    assert told["since"].endswith("Z")


def test_the_tally_outlives_the_frames_it_counted(http: httpx.Client, store: Store):
    for number in range(25):  # 20 are kept
        put_worked(store, number)
    assert len(store.frames("stem", 100)) == 20
    assert http.get("/v1/streams/stem/tally").json()["done"] == 25


def test_dose_adds_up_over_one_field_and_begins_again_on_another(http: httpx.Client, store: Store):
    for number in range(3):
        put(store, number, beam_current_pa=50.0)
    put(store, 3)
    told = http.get("/v1/streams/stem/tally").json()
    assert told["dose_pc_per_nm2"] == pytest.approx(3 * DOSE)
    assert (told["dose_frames"], told["doseless_frames"]) == (3, 1)
    put(store, 0, beam_current_pa=50.0, epoch="e2")
    again = http.get("/v1/streams/stem/tally").json()
    assert again["dose_pc_per_nm2"] == pytest.approx(DOSE)
    assert again["field_since"] > told["field_since"]


def test_a_dose_nobody_told_is_not_known(http: httpx.Client, store: Store):
    put(store, 0)
    assert http.get("/v1/streams/stem/tally").json()["dose_pc_per_nm2"] is None
    unknown = http.get("/v1/streams/nothing/tally")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-stream")


def test_targets_are_fractions_of_the_scan_in_x_and_y(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0)
    told = http.get(f"/v1/frames/{frame_id}/targets", params={"order": "raster", "most": 3}).json()
    assert len(told["targets"]) == 3
    assert told["left_out"]["at-most"] == 57
    for target in told["targets"]:
        x, y = target["beam"]
        assert x == pytest.approx((target["x_px"] + 0.5) / 96)
        assert y == pytest.approx((target["y_px"] + 0.5) / 96)
    assert told["guard"]["reasons"] == ["simulated"]


def test_places_cannot_be_further_apart_than_any_number(http: httpx.Client, store: Store):
    address = f"/v1/frames/{put_worked(store, 0)}/targets"
    far = http.get(address, params={"apart_px": 1e9, "apart_nm": 1e9}).json()
    assert len(far["targets"]) == 1
    for name in ("apart_px", "apart_nm", "edge_nm"):
        assert http.get(address, params={name: 1.7e307}).status_code == 422


def test_targets_are_chosen_by_class_name_confidence_and_distance(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0)
    http.put("/v1/streams/stem/classes/1", json={"name": "Si dopant"})

    def targets(**rule: object) -> list[dict]:
        return http.get(f"/v1/frames/{frame_id}/targets", params=rule).json()["targets"]  # type: ignore[arg-type]

    assert {one["class_id"] for one in targets(**{"class": "si dopant"})} == {1}
    assert {one["class_id"] for one in targets(**{"class": ["0", "2"]})} == {0, 2}
    assert min(one["confidence"] for one in targets(min_confidence=0.9)) >= 0.9
    assert all(10 <= one["y_px"] <= 86 for one in targets(edge_px=10))
    apart = targets(apart_nm=0.3, order="raster")
    assert len(apart) < 60
    unknown = http.get(f"/v1/frames/{frame_id}/targets", params={"class": "gold"})
    assert (unknown.status_code, unknown.json()["code"]) == (422, "no-such-class")
