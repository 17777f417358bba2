"""The whole path for real: instrument, wire, bridge, store, worker, numerics, command line."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from paretoscope.adapters.tethered import tethered_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
    kept.pop("REDIS_URL", None)
    roots = [ROOT / "service", ROOT / "clients", ROOT / "instrument_sim"]
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, roots)), "PARETOSCOPE_DEVICE": "cpu"}


def demo(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "paretoscope", "demo", "--port", "0", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=110)


def test_a_demo_of_two_frames_answers_both_and_ends(environment: dict[str, str]) -> None:
    told = demo(environment, "--frames", "2", "--speed", "50", "--json")
    assert told.returncode == 0, told.stderr
    frames = [json.loads(line) for line in told.stdout.splitlines()]
    assert [frame["state"] for frame in frames] == ["done", "done"]
    for frame in frames:
        assert frame["atoms"] > 100
        assert frame["qc"] < 0.3
        assert frame["points"] >= 1
        assert frame["acquisition_ms"] > 0.0
        assert "simulated" in frame["reasons"]
    assert "Traceback" not in told.stderr


def test_a_demo_replays_a_real_image(environment: dict[str, str], shared: Path) -> None:
    file = shared / "data" / "real" / "SciLink_MoS2_stem_Exp-001-5.npy"
    told = demo(environment, "--frames", "1", "--speed", "50", "--replay", str(file))
    assert told.returncode == 0, told.stderr
    dashboard, frame = told.stdout.splitlines()
    assert dashboard.startswith("dashboard  http://127.0.0.1:")
    assert re.search(r"atoms +\d+  QC \d\.\d+  ER \d\.\d+ +\d+ ms of 3000", frame)


def test_an_endless_demo_serves_its_page_and_stops_at_ctrl_c(environment: dict[str, str]) -> None:
    process = subprocess.Popen(
        tethered_command([sys.executable, "-m", "paretoscope", "demo", "--port", "0", "--speed", "50"]),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().split()[1]
        assert "atoms" in process.stdout.readline()
        assert httpx.get(url, timeout=30).status_code == 200
        streams = httpx.get(f"{url}v1/streams", timeout=30).json()["streams"]
        assert [stream["stream"] for stream in streams] == ["simulated"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in errors


def test_an_unknown_sample_is_told_and_nothing_stays_behind(environment: dict[str, str]) -> None:
    told = demo(environment, "--frames", "1", "--sample", "unobtainium")
    assert told.returncode == 2
    assert "unobtainium" in told.stderr
    assert "Traceback" not in told.stderr


def test_the_doctor_finds_what_is_wrong(environment: dict[str, str], tmp_path: Path) -> None:
    sound = environment | {"PARETOSCOPE_DATA": str(tmp_path), "PARETOSCOPE_HTTP_PORT": "0"}
    sound["PARETOSCOPE_FRAMES"] = "tcp://127.0.0.1:0"
    command = [sys.executable, "-m", "paretoscope", "doctor"]
    good = subprocess.run(command, env=sound, capture_output=True, text=True, timeout=100)
    assert good.returncode == 0, good.stdout
    assert "problem" not in good.stdout
    assert "http_port = 0" in good.stdout
    broken = sound | {"REDIS_URL": f"unix://:secret@{tmp_path}/nobody.sock", "PARETOSCOPE_DEVICE": "cuda:77"}
    bad = subprocess.run(command, env=broken, capture_output=True, text=True, timeout=100)
    assert bad.returncode == 1
    assert "problem  store" in bad.stdout
    assert "problem  device" in bad.stdout
    assert "secret" not in bad.stdout


def test_a_demo_makes_way_for_programs_on_its_usual_ports() -> None:
    from paretoscope.cli.demo import _on_free_ports
    from paretoscope.settings import load

    with socket.socket() as web, socket.socket() as wire:
        for held in (web, wire):
            held.bind(("127.0.0.1", 0))
            held.listen()
        wanted = {"http_port": web.getsockname()[1], "frames": f"tcp://127.0.0.1:{wire.getsockname()[1]}"}
        as_default = load().model_construct(**(load().model_dump() | wanted), _fields_set=set())
        moved = _on_free_ports(as_default)
        assert (moved.http_port, moved.frames) == (0, "tcp://127.0.0.1:0")
        asked_for = load(**wanted)
        assert _on_free_ports(asked_for) == asked_for
