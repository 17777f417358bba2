"""The wheel as others install it: into a clean environment, with and without extras."""

from __future__ import annotations

import json
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(400)


def run(*command: str | Path) -> str:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def base_python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that holds the wheel and its base dependencies, nothing else."""
    home = tmp_path_factory.mktemp("base")
    venv.create(home, with_pip=True)
    python = home / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel)
    return python


def test_the_wheel_carries_all_three_packages_and_the_page(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for needed in (
        "paretoscope/contract/frame.py",
        "paretoscope_client/__init__.py",
        "paretoscope_sim/__init__.py",
        "paretoscope/api/static/index.html",
    ):
        assert needed in names


def test_a_base_install_imports_the_client_without_torch_or_fastapi(base_python: Path) -> None:
    code = (
        "import json, sys, importlib.util as u, paretoscope_client, paretoscope_client.sender, "
        "paretoscope_client.rest, paretoscope_client.spectra, paretoscope;"
        "print(json.dumps([[m for m in ('torch', 'fastapi', 'redis', 'scipy') if u.find_spec(m)],"
        " paretoscope.__version__]))"
    )
    found, version = json.loads(run(base_python, "-c", code))
    assert found == []
    assert version != "0+uninstalled"


def test_a_base_install_says_which_extra_the_service_needs(base_python: Path) -> None:
    done = subprocess.run(
        [str(base_python.parent / "paretoscope"), "serve"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "paretoscope[service" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_locks_pin_every_requirement_and_torch_exactly() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        lines = [line for line in (ROOT / name).read_text().splitlines() if line and line[0] != "#"]
        assert all("==" in line for line in lines), name
        assert not any("://" in line or line.startswith("-") for line in lines), name
    assert "torch==2.13.0" in (ROOT / "requirements.lock").read_text().splitlines()
