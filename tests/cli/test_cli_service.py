from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from paretoscope.adapters.tethered import tethered_command
from paretoscope.cli.doctor_ports import ports
from paretoscope.settings import load
from paretoscope_client.sender import FrameSender
from store.helpers import frame
from worker import fakes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
    kept.pop("REDIS_URL", None)
    roots = [ROOT / "service", ROOT / "clients", ROOT / "instrument_sim", ROOT / "tests"]
    return kept | {
        "PYTHONPATH": os.pathsep.join(map(str, roots)),
        "PARETOSCOPE_DATA": str(tmp_path / "data"),
        "PARETOSCOPE_DEVICE": "cpu",
        "PARETOSCOPE_HTTP_PORT": "0",
        "PARETOSCOPE_FRAMES": "tcp://127.0.0.1:0",
    }


def run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paretoscope", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)


class Running:
    """A `paretoscope serve` in a process of its own."""

    def __init__(self, environment: dict[str, str], *arguments: str) -> None:
        self.process = subprocess.Popen(
            tethered_command([sys.executable, "-m", "paretoscope", "serve", *arguments]),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self.process.stdout is not None
        self.told = [self.process.stdout.readline() for _ in range(2)]
        self.url = re.findall(r"http://\S+(?=/)", self.told[0])[0]
        self.frames = re.findall(r"tcp://\S+", self.told[1])[0]

    def stop(self, sign: int = signal.SIGTERM) -> int:
        self.process.send_signal(sign)
        code = self.process.wait(30)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def serving(environment: dict[str, str], *arguments: str) -> Iterator[Running]:
    running = Running(environment, *arguments)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop(signal.SIGKILL)


@contextmanager
def working(environment: dict[str, str]) -> Iterator[None]:
    """A worker with the suite's own small workflow."""
    process = subprocess.Popen([sys.executable, fakes.__file__], env=environment, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in listed for child in file.read_text().split()]


def test_a_frame_goes_in_over_zeromq_and_its_result_comes_out_over_http(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "0") as service, working(environment):
        with FrameSender(service.frames, "stem") as sender:
            receipt = sender.send(frame()[1], pixel_size_nm=0.02)
            receipt.wait(30)
        latest = httpx.get(f"{service.url}/v1/streams/stem/latest", params={"wait": 30}, timeout=60)
        assert latest.status_code == 200
        frame_id = latest.json()["frame_id"]
        atoms = httpx.get(f"{service.url}/v1/frames/{frame_id}/atoms", timeout=30)
        assert len(atoms.json()["columns"]["y_px"]) == 3
        picked = httpx.post(f"{service.url}/v1/frames/{frame_id}/choice", json={"point": 2}, timeout=60)
        assert picked.status_code == 200
        assert picked.json()["revision"] == 1
        assert service.stop() == 0


def test_stopping_leaves_no_process_behind(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "0") as service:
        started = children(service.process.pid)
        assert len(started) == 4  # store, bridge, API, and the one that watches over them
        assert service.stop(signal.SIGINT) == 0
        assert not any(alive(pid) for pid in started)


def test_a_killed_service_takes_its_children_along(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "0") as service:
        started = children(service.process.pid)
        service.stop(signal.SIGKILL)
        for _ in range(400):
            if not any(alive(pid) for pid in started):
                break
            threading.Event().wait(0.05)
        assert not any(alive(pid) for pid in started)


def test_a_killed_api_comes_back_on_the_same_port(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "0") as service:
        assert httpx.get(f"{service.url}/healthz", timeout=30).status_code == 200
        api = next(
            pid
            for pid in children(service.process.pid)
            if b"api.process" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(api, signal.SIGKILL)
        transport = httpx.HTTPTransport(retries=3)
        with httpx.Client(transport=transport, timeout=30) as client:
            for _ in range(50):
                try:
                    assert client.get(f"{service.url}/healthz").status_code == 200
                    break
                except httpx.TransportError:
                    threading.Event().wait(0.1)
            else:
                raise AssertionError("the API never came back")


def test_a_second_service_on_the_same_folder_is_refused(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "0"):
        second = run(environment, "serve", "--workers", "0")
    assert second.returncode == 2
    assert second.stderr.startswith("error: Another copy of Paretoscope runs on")
    assert len(second.stderr.splitlines()) == 1


def test_a_busy_port_is_told_with_the_setting_that_moves_it(environment: dict[str, str]) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        held.listen()
        port = held.getsockname()[1]
        api = run(environment, "serve", "--port", str(port))
        frames = run(environment, "serve", "--workers", "0", "--frames-at", f"tcp://127.0.0.1:{port}")
    assert (api.returncode, frames.returncode) == (2, 2)
    assert f"127.0.0.1:{port}" in api.stderr
    assert "PARETOSCOPE_HTTP_PORT" in api.stderr
    assert "PARETOSCOPE_FRAMES" in frames.stderr.splitlines()[-1]
    assert "Traceback" not in api.stderr + frames.stderr


def test_the_doctor_asks_who_holds_a_port(environment: dict[str, str]) -> None:
    with serving(environment, "--workers", "0") as service:
        frames, port = service.frames, int(service.url.rpartition(":")[2])
        ours = list(ports(load(http_port=port, frames=frames)))
        other_way_round = load(http_port=int(frames.rpartition(":")[2]), frames=f"tcp://127.0.0.1:{port}")
        swapped = list(ports(other_way_round, answer_s=0.5))
    assert [fine for fine, _, _ in ours] == [True, True], ours
    assert "held by Paretoscope" in ours[0][2]
    assert "held by a bridge" in ours[1][2]
    assert [fine for fine, _, _ in swapped] == [False, False], swapped
    assert "PARETOSCOPE_HTTP_PORT" in swapped[0][2]
    assert "PARETOSCOPE_FRAMES" in swapped[1][2]
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        http_port, frames_port = (held.getsockname()[1] for held in (one, other))
    # These two were nobody's a moment ago; the service's own may have been given to another program by now.
    free = list(ports(load(http_port=http_port, frames=f"tcp://127.0.0.1:{frames_port}")))
    assert [fine for fine, _, _ in free] == [True, True], free


def test_the_api_process_never_loads_the_numerics(environment: dict[str, str]) -> None:
    program = (
        "import json, sys, paretoscope.api.process as p; "
        "print(json.dumps([n for n in ('torch', 'botorch', 'skimage', 'sklearn') if n in sys.modules]))"
    )
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert json.loads(told.stdout) == []


@pytest.mark.parametrize("command", ["worker", "bridge"])
def test_what_needs_a_running_store_says_how_to_get_one(environment: dict[str, str], command: str) -> None:
    told = run(environment, command)
    assert told.returncode == 2
    assert told.stderr.startswith("error: No store runs on")
    assert "paretoscope serve" in told.stderr
    assert len(told.stderr.splitlines()) == 1
