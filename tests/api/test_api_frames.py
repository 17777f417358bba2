"""Images sent over HTTP: every container, every mistake."""

from __future__ import annotations

import io
import pickle

import httpx
import numpy as np
import pytest
import tifffile

from paretoscope.adapters.store import Store
from paretoscope.api.uploads import Uploads
from paretoscope.contract import FrameHeader
from serving import SIDE, SmallWorker, picture


def npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def tiff(array: np.ndarray, **how: object) -> bytes:
    sink = io.BytesIO()
    tifffile.imwrite(sink, array, **how)
    return sink.getvalue()


RAW = {"rows": SIDE, "columns": SIDE, "dtype": "uint16"}
IMAGE = picture()
BODIES = {
    "npy": (npy(IMAGE), {}),
    "npy, column order": (npy(np.asfortranarray(IMAGE)), {}),
    "npy, big-endian": (npy(IMAGE.astype(">u2")), {}),
    "tiff": (tiff(IMAGE), {}),
    "tiff, compressed": (tiff(IMAGE, compression="zlib", rowsperstrip=8), {}),
    "raw": (IMAGE.tobytes(), RAW),
}


@pytest.mark.parametrize("name", BODIES)
def test_an_image_arrives_pixel_for_pixel(http: httpx.Client, store: Store, name: str):
    body, layout = BODIES[name]

    answer = http.post("/v1/frames", content=body, params={"stream": "lab", "pixel_size_nm": 0.02} | layout)

    assert answer.status_code == 202, answer.text
    told = answer.json()
    assert answer.headers["Location"] == told["links"]["self"] == f"/v1/frames/{told['frame_id']}"
    np.testing.assert_array_equal(store.pixels(told["frame_id"]), IMAGE)
    header = store.header(told["frame_id"])
    assert (header.stream, header.pixel_size_nm) == ("lab", (0.02, 0.02))
    back = http.get(f"/v1/frames/{told['frame_id']}/image", headers={"Accept": "application/x-npy"})
    np.testing.assert_array_equal(np.load(io.BytesIO(back.content), allow_pickle=False), IMAGE)


@pytest.mark.parametrize(
    ("given", "stored"), [("bool", "uint8"), ("int8", "int16"), ("float16", "float32"), ("int64", "float64")]
)
def test_pixel_types_without_a_place_are_widened(http: httpx.Client, store: Store, given: str, stored: str):
    image = (picture() > 9000).astype(given)
    frame_id = http.post("/v1/frames", content=npy(image)).json()["frame_id"]
    assert store.header(frame_id).dtype == stored
    np.testing.assert_array_equal(store.pixels(frame_id), image.astype(stored))


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("this must never be printed",)


def _lying_npy(shape: str) -> bytes:
    head = f"{{'descr': '<u2', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + b"\0" * 64


BAD = {
    "nothing": (b"", {}, 422, "empty-body"),
    "half an npy": (npy(IMAGE)[:-100], {}, 422, "truncated"),
    "npy with a tail": (npy(IMAGE) + b"x", {}, 422, "too-long"),
    "npy of objects": (npy(np.array([[_Bomb()]], dtype=object)), {}, 422, "bad-image-type"),
    "npy of text": (npy(np.array([["a", "b"]])), {}, 422, "bad-image-type"),
    "npy of complex": (npy(IMAGE.astype(complex)), {}, 422, "bad-image-type"),
    "npy in 3-D": (npy(np.zeros((3, 4, 5))), {}, 422, "bad-image-shape"),
    "npy without pixels": (npy(np.zeros((0, 5))), {}, 422, "bad-image-shape"),
    "npy that promises terabytes": (_lying_npy("(1000000, 1000000)"), {}, 413, "too-large"),
    "npy of negative size": (_lying_npy("(-5, 5)"), {}, 422, "bad-image-shape"),
    "npy with a broken header": (b"\x93NUMPY\x01\x00\x10\x00" + b"{" * 40, {}, 422, "bad-npy"),
    "npy of version 9": (b"\x93NUMPY\x09\x00" + b"\0" * 40, {}, 422, "bad-npy"),
    "colour tiff": (tiff(np.zeros((8, 8, 3), np.uint8)), {}, 422, "bad-image-shape"),
    "tiff of several images": (tiff(np.zeros((3, 16, 16), np.uint8)), {}, 422, "bad-image-shape"),
    "half a tiff": (tiff(IMAGE, compression="zlib")[:300], {}, 422, "bad-tiff"),
    "raw without a layout": (IMAGE.tobytes(), {}, 422, "no-layout"),
    "raw of another size": (IMAGE.tobytes(), RAW | {"rows": 7}, 422, "too-long"),
    "raw of no known type": (IMAGE.tobytes(), RAW | {"dtype": "object"}, 422, "bad-image-type"),
    "raw without rows": (IMAGE.tobytes(), RAW | {"rows": 0}, 422, "bad-request"),
    "a pickle": (pickle.dumps(IMAGE), {}, 422, "no-layout"),
    "a png": (b"\x89PNG\r\n\x1a\n" + b"0" * 64, RAW, 415, "unsupported-media"),
    "a jpeg": (b"\xff\xd8\xff\xe0" + b"0" * 64, RAW, 415, "unsupported-media"),
    "an hdf5 or emd file": (b"\x89HDF\r\n\x1a\n" + b"0" * 64, {}, 415, "unsupported-media"),
    "an archive": (b"PK\x03\x04" + b"0" * 64, {}, 415, "unsupported-media"),
    "a dm4 file": (b"\0\0\0\4" + b"\0" * 7 + b"\1" + b"\0\0\0\1" + b"0" * 64, {}, 415, "unsupported-media"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_image_is_refused_with_a_reason_and_nothing_is_stored(
    http: httpx.Client, store: Store, name: str, capfd: pytest.CaptureFixture[str]
):
    body, layout, status, code = BAD[name]

    answer = http.post("/v1/frames", content=body, params=layout)

    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code), problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert len(problem["hint"]) > 10
    assert store.streams() == []
    assert "never" not in capfd.readouterr().out
    assert http.get("/healthz").status_code == 200


def test_a_body_beyond_the_limit_is_refused_before_it_is_read(http: httpx.Client, store: Store):
    answer = http.post("/v1/frames", content=b"x" * 1_000_001)
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")

    def endless():
        for _ in range(4000):
            yield b"x" * 1000

    answer = http.post("/v1/frames", content=endless())
    assert (answer.status_code, answer.json()["code"]) == (413, "too-large")
    assert store.streams() == []


def test_another_media_type_is_named(http: httpx.Client):
    answer = http.post("/v1/frames", content=b"GIF89a...", headers={"Content-Type": "image/gif"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media")


def test_uploads_are_numbered_without_gaps_also_after_a_refused_one(http: httpx.Client, store: Store):
    ids = []
    for _ in range(2):
        ids.append(http.post("/v1/frames", content=npy(IMAGE)).json()["frame_id"])
        http.post("/v1/frames", content=npy(IMAGE)[:-1])
    headers: list[FrameHeader] = [store.header(one) for one in ids]
    assert [one.sequence for one in headers] == [0, 1]
    assert headers[0].epoch == headers[1].epoch
    assert store.counters().get("frames:missing", 0) == 0


def test_a_stream_that_was_forgotten_begins_a_new_epoch_and_loses_no_frame(store: Store):
    uploads = Uploads(most=2)
    sent = [uploads.put(store, stream, IMAGE) for stream in ("one", "two", "three", "one", "three")]
    assert all(fresh for _, fresh in sent)
    numbers = [(header.stream, header.sequence) for header, _ in sent]
    assert numbers == [("one", 0), ("two", 0), ("three", 0), ("one", 0), ("three", 1)]
    assert len({header.epoch for header, _ in sent}) == 4
    assert store.counters().get("frames:missing", 0) == 0


def test_a_repeated_upload_with_its_own_number_is_taken_once(http: httpx.Client, store: Store):
    own = {"epoch": "run7", "sequence": 3, "stream": "lab"}
    first = http.post("/v1/frames", content=npy(IMAGE), params=own).json()
    again = http.post("/v1/frames", content=npy(IMAGE), params=own).json()
    assert first["frame_id"] == again["frame_id"] == "lab-run7-000003"
    assert (first["duplicate"], again["duplicate"]) == (False, True)
    assert len(store.frames("lab")) == 1


def test_numbers_that_never_came_are_told_as_a_gap(http: httpx.Client, store: Store):
    for sequence in (0, 1, 4):
        own = {"epoch": "run7", "sequence": sequence, "stream": "lab"}
        assert http.post("/v1/frames", content=npy(IMAGE + sequence), params=own).status_code == 202
    gaps = [event for _, event in store.read_events("0") if event.kind == "gap"]
    assert [(one.frame_id, one.data["missing"]) for one in gaps] == [("lab-run7-000004", 2)]


def test_a_number_that_was_used_for_another_image_is_refused(http: httpx.Client, store: Store):
    own = {"epoch": "run7", "sequence": 3, "stream": "lab"}
    http.post("/v1/frames", content=npy(IMAGE), params=own)
    answer = http.post("/v1/frames", content=npy(IMAGE + 1), params=own)
    assert (answer.status_code, answer.json()["code"]) == (422, "sequence-reused")
    np.testing.assert_array_equal(store.pixels("lab-run7-000003"), IMAGE)


@pytest.mark.parametrize("field", ["pixel_size_nm", "dwell_us"])
@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf", "1e999", "0.02 nm"])
def test_a_quantity_that_is_none_is_refused_and_named(http: httpx.Client, field: str, value: str):
    answer = http.post("/v1/frames", content=npy(IMAGE), params={field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, "bad-request"), answer.text
    assert field in answer.json()["hint"]


def test_waiting_gives_the_result_at_once(http: httpx.Client, worker: SmallWorker):
    answer = http.post("/v1/frames", content=npy(IMAGE), params={"wait": 10})
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["atoms"]) == ("done", 60)


def test_waiting_in_vain_still_keeps_the_image(http: httpx.Client):
    answer = http.post("/v1/frames", content=npy(IMAGE), params={"wait": 0.05})
    assert (answer.status_code, answer.json()["state"]) == (202, "queued")


def test_an_image_that_cannot_be_analysed_says_why(http: httpx.Client, worker: SmallWorker):
    flat = np.full((32, 32), 7, np.uint16)
    answer = http.post("/v1/frames", content=npy(flat), params={"wait": 10})
    assert (answer.status_code, answer.json()["code"]) == (422, "constant-image")

    frame_id = http.post("/v1/frames", content=npy(flat)).json()["frame_id"]
    view = http.get(f"/v1/frames/{frame_id}").json()
    while view["state"] not in ("failed",):
        view = http.get(f"/v1/frames/{frame_id}").json()
    assert view["fault"]["code"] == "constant-image"


def test_a_full_backlog_is_said_with_a_time_to_come_back(http: httpx.Client):
    answers = [http.post("/v1/frames", content=npy(IMAGE)) for _ in range(9)]
    assert [one.status_code for one in answers[:8]] == [202] * 8
    assert (answers[8].status_code, answers[8].json()["code"]) == (503, "backlog-full")
    assert answers[8].json()["retry"] is True
    assert answers[8].headers["Retry-After"]
