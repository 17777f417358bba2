"""The API image leaves torch out: what it runs must do without."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("torch", "botorch", "gpytorch", "linear_operator")


def test_a_service_without_workers_runs_where_torch_cannot_be_imported(tmp_path: Path) -> None:
    # A package that fails to import stands before the real one, for the API's process as well.
    for name in LEFT_OUT:
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('no {name} here', name='{name}')\n")
    roots = [tmp_path, ROOT / "service", ROOT / "clients", ROOT / "instrument_sim"]
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")
    } | {
        "PYTHONPATH": os.pathsep.join(map(str, roots)),
        "PARETOSCOPE_DATA": str(tmp_path / "data"),
        "PARETOSCOPE_HTTP_PORT": "0",
        "PARETOSCOPE_FRAMES": "tcp://127.0.0.1:0",
    }
    environment.pop("REDIS_URL", None)
    command = [sys.executable, "-m", "paretoscope", "serve", "--workers", "0"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as service:
        assert service.stdout is not None
        told = service.stdout.readline()
        address = re.search(r"http://\S+(?=/)", told)
        assert address, told
        assert httpx.get(f"{address.group()}/healthz", timeout=30).status_code == 200
        service.send_signal(signal.SIGTERM)
        assert service.wait(30) == 0


def test_the_api_image_leaves_out_what_this_test_leaves_out() -> None:
    image = (ROOT / "docker" / "api.Dockerfile").read_text()
    (left_out,) = re.findall(r"\^\((\S+)\)==", image)
    assert tuple(name.replace("-", "_") for name in left_out.split("|")) == LEFT_OUT
