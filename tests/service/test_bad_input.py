"""What cannot be used is told with a code and a hint, and the service goes on."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import numpy as np
import pytest

from paretoscope.contract import StreamPolicy
from paretoscope.errors import ParetoscopeError
from paretoscope_client import Client, FrameSender
from service.conftest import PIXEL_NM, Service, closed, strontium_titanate

GOOD = strontium_titanate(5)


def with_nan() -> np.ndarray:
    spoilt = GOOD.astype(np.float32)
    spoilt[3, 4] = np.nan
    return spoilt


def with_infinity() -> np.ndarray:
    spoilt = GOOD.astype(np.float32)
    spoilt[3, 4] = np.inf
    return spoilt


UNUSABLE = {
    "not-finite": (with_nan, {}),
    "not-finite ": (with_infinity, {}),
    "constant-image": (lambda: np.full_like(GOOD, 9), {}),
    "too-small": (lambda: GOOD[:1, :1].copy(), {}),
    "off-scale": (lambda: GOOD, {"pixel_size_nm": 2.5e-11, "lattice": "SrTiO3"}),
    "missing-pixel-size": (lambda: GOOD, {"pixel_size_nm": None, "lattice": "SrTiO3"}),
}


@pytest.fixture
def stream() -> str:
    return f"bad-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("case", UNUSABLE)
def test_a_frame_that_cannot_be_analysed_fails_with_its_reason_and_the_next_one_is_worked(
    service: Service, client: Client, stream: str, case: str
) -> None:
    make, told = UNUSABLE[case]
    lattice = told.get("lattice")
    client.set_policy(stream, StreamPolicy(lattice=lattice))
    pixel_size_nm: Any = told.get("pixel_size_nm", PIXEL_NM)
    with FrameSender(service.frames, stream) as sender:
        bad = sender.send(make(), pixel_size_nm=pixel_size_nm).wait(30).frame_id
        good = sender.send(GOOD, pixel_size_nm=PIXEL_NM).wait(30).frame_id
    assert closed(client, good).state == "done"
    failed = client.frame(bad)
    assert failed.state == "failed"
    assert failed.fault is not None
    assert failed.fault.code == case.strip()
    assert len(failed.fault.hint) > 20


def test_an_unknown_lattice_is_refused_before_any_frame_meets_it(client: Client, stream: str) -> None:
    with pytest.raises(ParetoscopeError) as told:
        client.set_policy(stream, StreamPolicy(lattice="strontium titanat"))
    assert told.value.code == "unknown-lattice"
    assert told.value.hint


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"\x93NUMPY garbage", 422),
        (b"II*\x00 not really a tiff", 422),
        (b"PK\x03\x04 an archive", 415),
    ],
)
def test_a_file_of_the_wrong_kind_is_a_problem_with_a_hint(
    service: Service, stream: str, body: bytes, status: int
) -> None:
    kinds = {b"\x93": "application/x-npy", b"II": "image/tiff", b"PK": "application/zip"}
    kind = next((name for start, name in kinds.items() if body.startswith(start)), "application/x-npy")
    answer = httpx.post(
        f"{service.url}/v1/frames", params={"stream": stream}, content=body, headers={"content-type": kind}
    )
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["code"]
    assert answer.json()["hint"]


def test_faults_are_counted_where_they_can_be_seen(service: Service, client: Client, stream: str) -> None:
    with FrameSender(service.frames, stream) as sender:
        bad = sender.send(np.full_like(GOOD, 9), pixel_size_nm=PIXEL_NM).wait(30).frame_id
    assert closed(client, bad).state == "failed"
    text = httpx.get(f"{service.url}/metrics").text
    assert "constant-image" in text
