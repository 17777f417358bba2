"""Keys are where they belong and nowhere else: a whole session at its most talkative, searched for them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import zmq
import zmq.auth

from bridge.running import frame
from chaos.stage import free_port
from paretoscope.adapters.api_keys import page_secret
from paretoscope.adapters.store.link import without_secrets

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "kept-to-itself"  # pragma: allowlist secret


def paretoscope(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paretoscope", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)


def test_a_whole_session_at_debug_level_tells_no_secret(tmp_path: Path) -> None:
    http_port, frames_port = free_port(), free_port()
    data, url = tmp_path / "data", f"http://127.0.0.1:{http_port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
    kept.pop("REDIS_URL", None)
    roots = [str(ROOT / root) for root in ("service", "clients", "instrument_sim")]
    environment = kept | {
        "PYTHONPATH": os.pathsep.join(roots),
        "PARETOSCOPE_DATA": str(data),
        "PARETOSCOPE_HTTP_PORT": str(http_port),
        "PARETOSCOPE_FRAMES": f"tcp://127.0.0.1:{frames_port}",
        "PARETOSCOPE_FRAMES_KEYS": str(data / "frames-keys"),
        "PARETOSCOPE_LOG_LEVEL": "debug",
        "PARETOSCOPE_LOG_JSON": "true",
    }
    token = paretoscope(environment, "keys", "make", "--name", "boss", "--scope", "admin").stdout.strip()
    pair = Path(
        paretoscope(environment, "keys", "make", "--name", "spectra", "--scope", "send").stdout.strip()
    )
    public, secret = zmq.auth.load_certificate(pair)
    server, own = zmq.auth.load_certificate(data / "frames-keys" / "bridge.key_secret")
    assert secret
    assert own
    environment["PARETOSCOPE_KEY"] = token
    told: dict[str, bytes] = {}
    with (tmp_path / "serve.log").open("wb") as log:
        command = [sys.executable, "-m", "paretoscope", "serve", "--workers", "0"]
        service = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=url, trust_env=False, timeout=20.0) as http:
                told |= _talk(http, token)
                with zmq.Context() as context, context.socket(zmq.DEALER) as peer:
                    peer.linger = 0
                    peer.curve_publickey, peer.curve_secretkey = public, secret
                    peer.curve_serverkey = server
                    peer.connect(f"tcp://127.0.0.1:{frames_port}")
                    peer.send_multipart(frame(0))
                    assert peer.poll(20_000), "the sender on the list is answered"
                told["doctor"] = paretoscope(environment, "doctor").stdout.encode()
                revoked = paretoscope(environment, "keys", "revoke", "--name", "boss")
                told["revoke"] = (revoked.stdout + revoked.stderr).encode()
                assert (
                    http.get("/v1/streams", headers={"Authorization": f"Bearer {token}"}).status_code == 401
                )
        finally:
            service.send_signal(signal.SIGTERM)
            service.wait(30)
    told |= {str(one): one.read_bytes() for one in tmp_path.rglob("*") if one.is_file()}
    assert b'"level": "debug"' in told[str(tmp_path / "serve.log")]
    secrets = [token, token.rpartition("_")[2], page_secret(token), page_secret(token).rpartition(".")[2]]
    for where, text in told.items():
        for one in secrets:
            assert one.encode() not in text, f"a key in {where}"
        for half in (secret, own):
            assert half not in text or where.endswith(".key_secret"), f"a secret half in {where}"


def _talk(http: httpx.Client, token: str) -> dict[str, bytes]:
    """A key by every way that it may come, right and wrong, and everything that can be asked afterwards."""
    boss = {"Authorization": f"Bearer {token}"}
    until = time.monotonic() + 60.0
    while True:
        try:
            if http.get("/healthz").status_code == 200:
                break
        except httpx.HTTPError:
            assert time.monotonic() < until, "the service does not come up"
            time.sleep(0.1)
    http.put("/v1/streams/stem/policy", json={"deadline_s": 2.0}, headers=boss)
    http.put("/v1/streams/stem/policy", json={token: token}, headers=boss)
    http.get(f"/v1/streams?key={token}", headers={"Authorization": f"Basic {token}"})
    http.get("/v1/streams", headers={"Authorization": f"Bearer {token}x"})
    http.post("/login", data={"key": f"{token}x"})
    http.post("/login", data={"key": token})
    http.get("/v1/streams")
    http.cookies.clear()
    routes = (
        "/metrics",
        "/v1/audit",
        "/v1/status",
        "/readyz",
        "/v1/streams",
        "/openapi.json",
        "/v1/instruments",
    )
    return {route: http.get(route, headers=boss).content for route in routes}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (f"redis://:{PASSWORD}@store:6379/0", "redis://***@store:6379/0"),
        (f"rediss://ada:{PASSWORD}@store?password={PASSWORD}", "rediss://***@store"),
        (f"unix:///run/store.sock?password={PASSWORD}", "unix:///run/store.sock"),
        ("redis://store:6379", "redis://store:6379"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_secrets(url) == shown


def test_a_bad_address_of_a_store_is_told_without_its_password(tmp_path: Path) -> None:
    environment = os.environ | {
        "PARETOSCOPE_DATA": str(tmp_path),
        "REDIS_URL": f"http://ada:{PASSWORD}@store",
        "PYTHONPATH": os.pathsep.join(str(ROOT / root) for root in ("service", "clients", "instrument_sim")),
    }
    told = paretoscope(environment, "serve", "--workers", "0")
    assert told.returncode == 2
    assert PASSWORD not in told.stdout + told.stderr
