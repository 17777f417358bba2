"""The README's and the tutorial's own code, run against a service that answers a simulated microscope."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from paretoscope.adapters.tethered import tethered_command

ROOT = Path(__file__).resolve().parents[2]
SNIPPET = re.compile(r"```python\n(.*?)```", re.DOTALL)


def snippets(page: str) -> list[str]:
    return SNIPPET.findall((ROOT / page).read_text())


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
    kept.pop("REDIS_URL", None)
    roots = [ROOT / "service", ROOT / "clients", ROOT / "instrument_sim"]
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, roots)), "PYTHONUNBUFFERED": "1"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where an endless demo serves its API."""
    command = tethered_command([sys.executable, "-m", "paretoscope", "demo", "--port", "0", "--speed", "4"])
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        found = re.search(r"http://\S+(?=/)", demo.stdout.readline())
        assert found
        yield found.group()
        demo.terminate()


def code_for(address: str, code: str) -> str:
    assert "http://127.0.0.1:8000" in code
    return code.replace("http://127.0.0.1:8000", address)


def test_the_readmes_control_loop_prints_a_line_for_every_frame(address: str) -> None:
    loop = code_for(address, snippets("README.md")[0])
    assert len(loop.splitlines()) <= 10
    with subprocess.Popen(
        [sys.executable, "-c", loop], env=environment(), stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        lines = [running.stdout.readline() for _ in range(2)]
        running.kill()
    for line in lines:
        assert re.match(r"simulated-\w+-\d{6} \d+ atoms, QC 0\.\d+ ER 0\.\d+", line), lines


def test_the_tutorials_choice_is_answered_with_the_redetected_frame(address: str) -> None:
    code = code_for(address, snippets("docs/tutorial/first-frames.md")[0])
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    *points, now = done.stdout.splitlines()
    assert sum(line.endswith("chosen") for line in points) == 1
    assert re.match(r"now \d+ atoms, ER 0\.\d+", now)


def test_the_readmes_analysis_of_one_image_runs() -> None:
    from paretoscope_sim import Scan, make_sample, render

    scan = Scan(field_of_view_nm=4.0, shape=(227, 227))
    image = render(make_sample("MoS2", field_nm=4.0, seed=1), scan, seed=2).image
    names: dict[str, object] = {"image": image}
    exec(compile(snippets("README.md")[1], "README.md", "exec"), names)
    assert names["analysis"].chosen.n_found > 50  # type: ignore[attr-defined]


def test_the_python_pages_example_runs() -> None:
    names: dict[str, object] = {}
    exec(compile(snippets("docs/reference/python.md")[0], "python.md", "exec"), names)
    assert len(names["places_nm"]) > 50  # type: ignore[arg-type]


def test_every_link_of_the_pages_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.relative_to(ROOT)} -> {target}"


def test_the_readmes_make_targets_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make ([a-z-]+)", (ROOT / "README.md").read_text())):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
