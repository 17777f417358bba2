"""A whole service with its real worker, started once for the suite as `paretoscope serve` starts it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from paretoscope.adapters.tethered import tethered_command
from paretoscope.contract.views import FrameView
from paretoscope_client import Client
from paretoscope_sim import Scan, make_sample, render

ROOT = Path(__file__).resolve().parents[2]
FIELD_NM, SIDE_PX = 4.0, 160
PIXEL_NM = FIELD_NM / SIDE_PX


@dataclass(frozen=True)
class Service:
    url: str
    frames: str


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
    kept.pop("REDIS_URL", None)
    roots = [ROOT / "service", ROOT / "clients", ROOT / "instrument_sim"]
    environment = kept | {
        "PYTHONPATH": os.pathsep.join(map(str, roots)),
        "PARETOSCOPE_DATA": str(tmp_path_factory.mktemp("service")),
        "PARETOSCOPE_HTTP_PORT": "0",
        "PARETOSCOPE_FRAMES": "tcp://127.0.0.1:0",
        "PARETOSCOPE_LOG_LEVEL": "error",
    }
    command = tethered_command([sys.executable, "-m", "paretoscope", "serve"])
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = process.stdout.readline() + process.stdout.readline()
        url, frames = re.search(r"http://\S+(?=/)", told), re.search(r"tcp://\S+", told)
        assert url, told
        assert frames, told
        yield Service(url.group(), frames.group())
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, timeout_s=60.0) as client:
        yield client


def strontium_titanate(seed: int) -> np.ndarray:
    """(160, 160) uint16: a new image of the same area each seed, 4 nm wide."""
    scan = Scan(field_of_view_nm=FIELD_NM, shape=(SIDE_PX, SIDE_PX))
    return render(make_sample("SrTiO3", field_nm=FIELD_NM, seed=1), scan, seed=seed).image


def closed(client: Client, frame_id: str, within_s: float = 60.0) -> FrameView:
    """The frame once it has a result or a fault."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = client.frame(frame_id)
        if found.state in ("done", "failed"):
            return found
        time.sleep(0.05)
    raise AssertionError(f"{frame_id} was not worked within {within_s} s")


@pytest.fixture
def no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REDIS_URL", "PARETOSCOPE_DATA", "PARETOSCOPE_CONFIG", "PARETOSCOPE_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)
