"""Clients that hold a connection without using it lose it; others are served meanwhile."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import httpx
import pytest

from paretoscope.adapters.store import Store
from paretoscope.api import create_app
from paretoscope.api.body_limit import BodyLimit
from paretoscope.api.impatient import Impatient
from paretoscope.api.server import ApiServer
from serving import put


@pytest.fixture
def api(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[ApiServer]:
    """With less patience than usual."""
    monkeypatch.setattr(Impatient, "head_s", 0.3)
    monkeypatch.setattr(Impatient, "stall_s", 0.5)
    monkeypatch.setattr(Impatient, "most", 40)
    monkeypatch.setattr(BodyLimit.__init__, "__defaults__", (0.3,))
    with ApiServer(create_app(store)) as running:
        yield running


def connect(api: ApiServer, receive_bytes: int | None = None) -> socket.socket:
    peer = socket.socket()
    if receive_bytes is not None:
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    peer.settimeout(20.0)
    peer.connect(("127.0.0.1", api.port))
    return peer


def ended(peer: socket.socket) -> bytes:
    """What came until the other side closed."""
    came = bytearray()
    try:
        while part := peer.recv(65536):
            came += part
    except ConnectionResetError:
        pass
    return bytes(came)


def refused(api: ApiServer, code: str) -> float:
    text = httpx.get(f"{api.url}/metrics", trust_env=False).text
    found = [
        line
        for line in text.splitlines()
        if line.startswith(f'paretoscope_http_refused_total{{code="{code}"')
    ]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_a_head_that_never_ends_is_cut_off(api: ApiServer) -> None:
    with connect(api) as silent, connect(api) as dripping:
        stop = threading.Event()

        def drip() -> None:
            try:
                dripping.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ")
                while not stop.wait(0.05):
                    dripping.sendall(b"a")
            except OSError:
                pass

        thread = threading.Thread(target=drip)
        thread.start()
        assert ended(silent) == b""
        assert ended(dripping) == b""
        stop.set()
        thread.join()
    assert refused(api, "slow-request") == 2.0


def test_a_body_that_drips_is_refused(api: ApiServer) -> None:
    with connect(api) as peer:
        peer.sendall(
            b"POST /v1/frames?rows=8&columns=8&dtype=uint8 HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            b"Connection: close\r\nContent-Length: 64\r\n\r\n" + bytes(10)
        )
        answer = ended(peer)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b"too-slow" in answer


def test_a_reader_that_does_not_read_is_cut_off(api: ApiServer, store: Store) -> None:
    side = 2048
    body = bytes(side * side * 2)
    size = {"rows": side, "columns": side, "dtype": "uint16"}
    sent = httpx.post(f"{api.url}/v1/frames", params=size, content=body, trust_env=False)
    address = f"/v1/frames/{sent.json()['frame_id']}/image"
    with connect(api, receive_bytes=4096) as peer:
        head = f"GET {address} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-npy\r\n\r\n"
        peer.sendall(head.encode())
        for _ in range(200):
            if refused(api, "slow-reader"):
                break
            threading.Event().wait(0.05)
        assert refused(api, "slow-reader") == 1.0
        assert len(ended(peer)) < len(body)


def test_crowds_are_turned_away_and_the_service_goes_on(api: ApiServer) -> None:
    crowd = [connect(api) for _ in range(120)]
    try:
        for peer in crowd:
            assert ended(peer) == b""
    finally:
        for peer in crowd:
            peer.close()
    assert httpx.get(f"{api.url}/healthz", trust_env=False).status_code == 200
    assert refused(api, "too-many-connections") >= 80.0


def test_long_polls_and_idle_listeners_are_not_slow(api: ApiServer, store: Store) -> None:
    put(store)
    with httpx.Client(base_url=api.url, trust_env=False, timeout=20.0) as http:
        waited = http.get("/v1/streams/stem/latest", params={"wait": 1.0, "after": "x"})
        assert waited.status_code in (304, 404)
        with http.stream("GET", "/v1/events") as events:
            lines = events.iter_lines()
            next(lines)
            threading.Event().wait(1.2)
            put(store, 1)
            assert any(line.startswith("event: frame") for line in lines)
