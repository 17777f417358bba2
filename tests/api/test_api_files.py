"""Files dropped on the service, and results taken away as files."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import h5py
import httpx
import numpy as np
import pyarrow as pa
import pytest
import tifffile
from PIL import Image

from paretoscope.adapters.files import SUFFIXES
from paretoscope.adapters.files.apart import read_apart
from paretoscope.adapters.store import Store
from paretoscope.errors import BadFile
from serving import picture, put, put_worked


def drop(http: httpx.Client, name: str, body: bytes, **params: object) -> httpx.Response:
    return http.post(
        "/v1/frames", content=body, params={"stream": "files", "filename": name, **params}, timeout=90
    )


def npy(array: np.ndarray) -> bytes:
    sink = io.BytesIO()
    np.save(sink, array)
    return sink.getvalue()


def mrc(image: np.ndarray, step_angstrom: float) -> bytes:
    """MRC2014, mode 6: one image of uint16."""
    rows, columns = image.shape
    head = bytearray(1024)
    struct.pack_into("<10i", head, 0, columns, rows, 1, 6, 0, 0, 0, columns, rows, 1)
    struct.pack_into("<3f", head, 40, columns * step_angstrom, rows * step_angstrom, step_angstrom)
    struct.pack_into("<3f", head, 52, 90.0, 90.0, 90.0)
    struct.pack_into("<3i", head, 64, 1, 2, 3)
    head[208:212] = b"MAP "
    head[212:216] = b"\x44\x44\x00\x00"
    return bytes(head) + image.astype("<u2").tobytes()


def test_a_dropped_tiff_brings_its_pixel_size(http: httpx.Client, store: Store):
    sink = io.BytesIO()
    per_nm = 1 / 0.02
    tifffile.imwrite(sink, picture(), imagej=True, resolution=(per_nm, per_nm), metadata={"unit": "nm"})
    taken = drop(http, "Grain 3 (HAADF).tif", sink.getvalue())
    assert taken.status_code == 202, taken.text
    header = store.header(taken.json()["frame_id"])
    assert header.pixel_size_nm == pytest.approx((0.02, 0.02), rel=1e-3)
    assert header.note is not None
    assert "Grain 3 (HAADF).tif" in header.note
    assert np.array_equal(store.pixels(header.frame_id), picture())


def test_an_mrc_file_is_read_with_its_step(http: httpx.Client, store: Store):
    taken = drop(http, "lamella.mrc", mrc(picture(), 0.2))
    assert taken.status_code == 202, taken.text
    header = store.header(taken.json()["frame_id"])
    assert header.shape == (96, 96)
    assert header.pixel_size_nm == pytest.approx((0.02, 0.02), rel=1e-3)


def test_what_the_query_says_wins_over_the_file(http: httpx.Client, store: Store):
    taken = drop(http, "x.npy", npy(picture()), pixel_size_nm=0.05, detector="BF")
    header = store.header(taken.json()["frame_id"])
    assert (header.pixel_size_nm, header.detector) == ((0.05, 0.05), "BF")


def test_of_several_images_the_first_is_taken_and_said_so_or_another_by_its_number(
    http: httpx.Client, store: Store
):
    stack = npy(np.stack([picture(n) for n in range(3)]))
    first = drop(http, "movie.npy", stack).json()
    assert first["images"] == 3
    assert "3 images" in first["notes"][-1]
    third = drop(http, "movie.npy", stack, index=2).json()
    assert np.array_equal(store.pixels(third["frame_id"]), picture(2))
    assert third["notes"] == []
    beyond = drop(http, "movie.npy", stack, index=3)
    assert (beyond.status_code, beyond.json()["code"]) == (422, "no-such-image")


def test_our_own_nexus_export_can_be_opened_again(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0)
    export = http.get(f"/v1/frames/{frame_id}/export", params={"format": "nexus"})
    taken = drop(http, "exported.nxs", export.content)
    assert taken.status_code == 202, taken.text
    again = store.header(taken.json()["frame_id"])
    assert np.array_equal(store.pixels(again.frame_id), store.pixels(frame_id))
    assert again.pixel_size_nm == pytest.approx((0.02, 0.02))


@pytest.mark.parametrize(
    ("name", "body", "status", "code"),
    [
        ("notes.docx", b"PK\x03\x04", 415, "unsupported-media"),
        ("README", b"text", 415, "unsupported-media"),
        ("broken.dm4", b"\0\0\0\4" + b"\0" * 400, 422, "unreadable-file"),
        ("broken.emd", b"\x89HDF\r\n\x1a\n" + b"\0" * 400, 422, "unreadable-file"),
        ("empty.tif", b"", 422, "empty-body"),
        ("table.npy", npy(np.zeros(7)), 422, "not-an-image"),
        ("../../etc/passwd.npy", npy(np.array([{}], dtype=object)), 422, "unreadable-file"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_service_goes_on(
    http: httpx.Client, name: str, body: bytes, status: int, code: str
):
    told = drop(http, name, body)
    assert (told.status_code, told.json()["code"]) == (status, code), told.text
    if status == 415:
        assert ".dm4" in told.json()["hint"]


def test_a_picture_that_unpacks_beyond_the_limits_is_refused_unread(http: httpx.Client):
    sink = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(sink, "PNG")
    told = drop(http, "bomb.png", sink.getvalue())
    assert (told.status_code, told.json()["code"]) in [(413, "file-too-large"), (422, "unreadable-file")]


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path):
    path = tmp_path / "slow.npy"
    np.save(path, picture())
    with pytest.raises(BadFile, match="file-too-slow"):
        read_apart(path, limit_s=0.01)


def test_the_formats_are_all_that_is_read_and_written(http: httpx.Client):
    told = http.get("/v1/formats").json()
    assert [one["ending"] for one in told["readable"]] == list(SUFFIXES)
    assert all(one["installed"] for one in told["readable"])
    assert {one["format"] for one in told["exports"]} >= {"csv", "arrow", "parquet", "nexus", "npy", "napari"}


def test_every_export_comes_as_a_named_file_of_its_kind(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0)
    for one in http.get("/v1/formats").json()["exports"]:
        got = http.get(f"/v1/frames/{frame_id}/export", params={"format": one["format"]})
        assert got.status_code == 200, one
        assert got.headers["content-type"].startswith(one["media_type"])
        assert got.headers["content-disposition"] == f'attachment; filename="{frame_id}{one["ending"]}"'
        again = http.get(
            f"/v1/frames/{frame_id}/export",
            params={"format": one["format"]},
            headers={"If-None-Match": got.headers["etag"]},
        )
        assert again.status_code == 304


def test_exports_hold_the_atoms_of_the_map(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0)
    atoms = http.get(f"/v1/frames/{frame_id}/atoms").json()["columns"]

    def export(name: str) -> bytes:
        return http.get(f"/v1/frames/{frame_id}/export", params={"format": name}).content

    rows = export("napari").decode().splitlines()
    assert rows[0].startswith("index,axis-0,axis-1,")
    assert [float(row.split(",")[1]) for row in rows[1:]] == atoms["y_px"]
    assert pa.ipc.open_file(export("arrow")).read_all()["x_px"].to_pylist() == atoms["x_px"]
    with h5py.File(io.BytesIO(export("nexus"))) as file:
        assert np.allclose(file["entry/atoms/y_px"], atoms["y_px"])
    assert np.array_equal(tifffile.imread(io.BytesIO(export("tiff"))), picture())
    with Image.open(io.BytesIO(export("png"))) as drawn:
        assert drawn.width > 1000


def test_a_frame_that_is_not_done_cannot_be_exported_yet(http: httpx.Client, store: Store):
    frame_id = put(store, 0)
    told = http.get(f"/v1/frames/{frame_id}/export")
    assert (told.status_code, told.json()["code"], told.json()["retry"]) == (409, "no-result", True)
    assert http.get("/v1/frames/nothing/export").status_code == 404
    assert http.get(f"/v1/frames/{frame_id}/export", params={"format": "exe"}).status_code == 422
