"""What is read of a frame and a stream."""

from __future__ import annotations

import io
import threading
import time

import httpx
import msgpack
import numpy as np
from PIL import Image

from paretoscope.adapters.store import Store
from paretoscope.api.server import ApiServer
from paretoscope.api.summary import frame_view
from paretoscope.contract import Classes, Ledger, ParetoFront, StreamPolicy
from serving import SIDE, picture, put, put_worked, results


def test_a_frame_tells_its_state_its_numbers_and_where_the_rest_is(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    view = http.get(f"/v1/frames/{frame_id}").json()
    assert (view["state"], view["atoms"], view["chosen"], view["points"]) == ("done", 60, 1, 4)
    assert (view["qc"], view["er"]) == (0.06, 0.12)
    assert view["n_expected"]["value"] == 64.0
    assert Ledger.model_validate(view["ledger"]).met is True
    assert view["guard"] == {"frame_id": frame_id, "fit_for_control": False, "reasons": ["simulated"]}
    for name, link in view["links"].items():
        assert http.get(link).status_code == (405 if name == "choice" else 200), name


def test_a_result_that_comes_while_it_is_asked_for_is_seen_whole_or_not_at_all(store: Store):
    for sequence in range(100):
        frame_id = put(store, sequence)
        claim = store.claim_frame("w")
        assert claim is not None
        finishing = threading.Thread(target=store.finish_frame, args=(claim, results(frame_id)))
        finishing.start()
        while (view := frame_view(store, frame_id)).state != "done":
            assert view.atoms is None
        finishing.join()
        assert view.atoms == 60
        assert view.chosen == 1
        assert view.ledger is not None
        assert view.guard is not None


def test_a_waiting_frame_has_a_state_and_no_numbers(http: httpx.Client, store: Store):
    frame_id = put(store)
    view = http.get(f"/v1/frames/{frame_id}").json()
    assert (view["state"], view["atoms"], view["qc"], view["ledger"]) == ("queued", None, None, None)
    for part in ("atoms", "front", "classes", "windows"):
        problem = http.get(f"/v1/frames/{frame_id}/{part}")
        assert (problem.status_code, problem.json()["code"], problem.json()["retry"]) == (
            404,
            "not-yet",
            True,
        )


def test_an_unknown_frame_is_not_found(http: httpx.Client):
    for part in ("", "/image", "/atoms", "/front", "/classes", "/windows"):
        problem = http.get(f"/v1/frames/nobody-e1-000000{part}")
        assert problem.status_code == 404
        assert problem.json()["code"] == "no-such-frame"


def test_the_front_reads_back_as_the_document(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    front = ParetoFront.model_validate_json(http.get(f"/v1/frames/{frame_id}/front").content)
    assert front == next(one for one in results(frame_id) if isinstance(one, ParetoFront))


def test_the_area_mask_comes_as_numbers_and_as_a_picture(http: httpx.Client, store: Store):
    link = f"/v1/frames/{put_worked(store)}/mask"
    numbers = http.get(link, headers={"Accept": "application/x-npy"})
    mask = np.load(io.BytesIO(numbers.content), allow_pickle=False)
    assert mask.shape == (12, 12)
    assert sorted(np.unique(mask)) == [1, 2]
    assert numbers.headers["X-Mask-Step-Px"] == "8"
    grey = http.get(link, headers={"Accept": "image/png"})
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(grey.content))), mask * 100)
    assert http.get(link, headers={"If-None-Match": grey.headers["ETag"]}).status_code == 304


def test_a_window_without_a_result_says_why(http: httpx.Client, store: Store):
    windows = http.get(f"/v1/frames/{put_worked(store)}/windows").json()["windows"]
    assert windows[1]["params"] is None
    assert windows[1]["reason"] == "nothing to count: vacuum"


def test_the_picture_shows_the_pixels_from_black_to_white(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    answer = http.get(f"/v1/frames/{frame_id}/image", params={"low": 0, "high": 100})
    shown = np.asarray(Image.open(io.BytesIO(answer.content)))
    pixels = picture(0).astype(float)
    unit = (pixels - pixels.min()) / np.ptp(pixels)
    np.testing.assert_allclose(shown / 255.0, unit, atol=0.5 / 255 + 1e-6)
    assert "immutable" in answer.headers["Cache-Control"]
    again = http.get(
        f"/v1/frames/{frame_id}/image?low=0&high=100", headers={"If-None-Match": answer.headers["ETag"]}
    )
    assert again.status_code == 304


def test_a_picture_may_be_smaller(http: httpx.Client, store: Store):
    answer = http.get(f"/v1/frames/{put_worked(store)}/image", params={"max_side_px": 40})
    assert Image.open(io.BytesIO(answer.content)).size == (SIDE // 3, SIDE // 3)


def test_contrast_the_wrong_way_round_is_refused(http: httpx.Client, store: Store):
    answer = http.get(f"/v1/frames/{put_worked(store)}/image", params={"low": 90, "high": 10})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-contrast")


def test_classes_come_as_lists_or_as_buffers(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    truth = next(one for one in results(frame_id) if isinstance(one, Classes))
    lists = http.get(f"/v1/frames/{frame_id}/classes").json()
    buffers = msgpack.unpackb(
        http.get(f"/v1/frames/{frame_id}/classes", headers={"Accept": "application/msgpack"}).content
    )
    for name in ("labels", "centroids", "dispersions", "components"):
        array = getattr(truth, name)
        one = buffers[name]
        np.testing.assert_array_equal(np.frombuffer(one["data"], one["dtype"]).reshape(one["shape"]), array)
        plain = np.array(lists[name], dtype=object)
        plain[plain == None] = np.nan  # noqa: E711
        np.testing.assert_array_equal(plain.astype(array.dtype), array)
    for link in lists["links"].values():
        assert Image.open(io.BytesIO(http.get(link).content)).size == (36, 36)
    assert http.get(f"/v1/frames/{frame_id}/classes/7/centroid.png").json()["code"] == "no-such-class"


def test_a_name_stays_with_the_class_on_older_and_later_frames(http: httpx.Client, store: Store):
    first = put_worked(store, 0)
    names = http.put("/v1/streams/stem/classes/2", json={"name": "Si dopant"}).json()["names"]
    second = put_worked(store, 1)
    assert names == {"2": "Si dopant"}
    for frame_id in (first, second):
        classes = http.get(f"/v1/frames/{frame_id}/classes").json()["classes"]
        assert [one["name"] for one in classes] == [None, None, "Si dopant"]
    assert http.put("/v1/streams/stem/classes/2", json={"name": None}).json()["names"] == {}
    assert http.get("/v1/streams/stem/classes").json()["names"] == {}


def test_streams_are_listed_newest_first(http: httpx.Client, store: Store):
    put_worked(store, 0, stream="a")
    time.sleep(0.01)
    put(store, 0, stream="b")
    streams = http.get("/v1/streams").json()["streams"]
    assert [one["stream"] for one in streams] == ["b", "a"]
    assert streams[0]["queued"] == 1
    assert streams[1]["newest_result"] == "a-e1-000000"
    assert http.get(streams[1]["links"]["frames"]).json()["frames"] == ["a-e1-000000"]


def test_the_latest_result_comes_at_once_and_its_tag_spares_the_next(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    first = http.get("/v1/streams/stem/latest")
    assert first.json()["frame_id"] == frame_id
    tag = {"If-None-Match": first.headers["ETag"]}
    assert http.get("/v1/streams/stem/latest", headers=tag).status_code == 304
    assert http.get("/v1/streams/stem/latest", params={"after": frame_id, "wait": 0.05}).status_code == 304


def test_a_long_poll_ends_when_the_next_result_is_there(api: ApiServer, store: Store):
    first = put_worked(store, 0)
    answers: list[dict] = []

    def poll() -> None:
        url = f"{api.url}/v1/streams/stem/latest"
        answer = httpx.get(url, params={"after": first, "wait": 30}, timeout=40, trust_env=False)
        answers.append(answer.json())

    waiters = [threading.Thread(target=poll) for _ in range(60)]
    for one in waiters:
        one.start()
    threads = threading.active_count()
    second = put_worked(store, 1)
    for one in waiters:
        one.join(25.0)

    assert [one["frame_id"] for one in answers] == [second] * 60
    assert threads < 60 + 60  # sixty pollers of our own, and no thread held for each of them in the API


def test_a_stream_nobody_knows_is_told_apart_from_one_without_results(http: httpx.Client, store: Store):
    put(store)
    waiting, unknown = http.get("/v1/streams/stem/latest"), http.get("/v1/streams/stern/latest")
    assert (waiting.status_code, waiting.json()["code"]) == (404, "no-result")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "no-such-stream")
    assert "stem" in unknown.json()["hint"]


def test_a_result_that_grew_old_is_no_longer_fit_for_control(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    fresh = http.get(f"/v1/frames/{frame_id}").json()
    assert (fresh["guard"]["reasons"], fresh["newer_frames"], fresh["stale_after_s"]) == (
        ["simulated"],
        0,
        30.0,
    )
    assert 0 <= fresh["age_s"] < 30.0
    store.set_policy("stem", StreamPolicy(max_age_for_control_s=0.01))
    time.sleep(0.02)
    old = http.get("/v1/streams/stem/latest").json()
    assert old["guard"]["reasons"] == ["simulated", "stale"]
    assert old["age_s"] > fresh["age_s"]


def test_a_result_that_newer_frames_have_overtaken_is_stale(http: httpx.Client, store: Store):
    frame_id = put_worked(store)
    store.set_policy("stem", StreamPolicy(max_newer_for_control=1))
    for sequence in (1, 2):
        assert "stale" not in http.get(f"/v1/frames/{frame_id}").json()["guard"]["reasons"]
        put(store, sequence)
    view = http.get(f"/v1/frames/{frame_id}").json()
    assert (view["newer_frames"], view["guard"]["reasons"]) == (2, ["simulated", "stale"])
    waiting = http.get("/v1/frames/stem-e1-000002").json()
    assert (waiting["newer_frames"], waiting["age_s"]) == (0, None)


def test_a_slow_scan_is_given_three_of_its_own_times(http: httpx.Client, store: Store):
    frame_id = put_worked(store, frame_time_s=35.0)
    assert http.get(f"/v1/frames/{frame_id}").json()["stale_after_s"] == 105.0
