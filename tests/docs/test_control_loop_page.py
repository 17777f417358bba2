"""The page on control loops: its Python runs on a real demo, its shell runs with real curl and jq."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from docs.test_snippets import address, code_for, environment, snippets  # noqa: F401
from paretoscope.adapters.store import Store
from paretoscope.api.server import ApiServer
from serving import SmallWorker, api, frame, picture, server, store, worker  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
PAGE = "docs/how-to/rest-control-loop.md"
SHELL = re.findall(r"```sh\n(.*?)```", (ROOT / PAGE).read_text(), re.DOTALL)

with_curl = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq")), reason="curl and jq are not installed here"
)


@pytest.fixture
def feed(store: Store, worker: SmallWorker) -> Iterator[None]:  # noqa: F811
    """A new frame of the stream 'simulated' every 0.3 s, analysed at once."""
    stop = threading.Event()

    def run() -> None:
        for sequence in range(500):
            if stop.wait(0.3):
                return
            store.put_frame(*frame(sequence, stream="simulated"))

    feeding = threading.Thread(target=run)
    feeding.start()
    yield
    stop.set()
    feeding.join()


def run(script: str, url: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    assert "http://127.0.0.1:8000" in script
    script = script.replace("http://127.0.0.1:8000", url)
    for name, value in settings.items():
        script, count = re.subn(rf"\b{name}=('[^']*'|\S+)", f"{name}={value}", script, count=1)
        assert count == 1
    return subprocess.run(
        ["sh", "-u", "-c", script], capture_output=True, text=True, timeout=60, cwd=folder, check=False
    )


@with_curl
def test_the_shell_loop_acts_on_the_sure_atoms_of_each_new_result(
    api: ApiServer,  # noqa: F811
    feed: None,
    tmp_path: Path,
) -> None:
    said = run(SHELL[0], api.url, tmp_path)
    assert said.returncode == 0, said.stderr
    found = re.findall(r"^(simulated-e1-\d+): beam to ([\d.]+) ([\d.]+)$", said.stdout, re.MULTILINE)
    assert len({one[0] for one in found}) == 2
    # the last of the small worker's 60 columns is the surest: row 7, column 3 of 8 x 8, 12 px apart from 6 on
    assert (found[-1][1], found[-1][2]) == (f"{42.5 / 96:.5f}", f"{90.5 / 96:.5f}")


@with_curl
def test_the_shell_loop_leaves_unfit_results_alone(
    api: ApiServer,  # noqa: F811
    feed: None,
    tmp_path: Path,
) -> None:
    said = run(SHELL[0], api.url, tmp_path, ALLOW="[]", FRAMES="1")
    assert re.fullmatch(r"simulated-e1-\d+: not acted on: simulated\n", said.stdout), said


@with_curl
def test_the_shell_picks_the_point_that_misses_fewest(
    api: ApiServer,  # noqa: F811
    feed: None,
    tmp_path: Path,
) -> None:
    said = run(SHELL[1], api.url, tmp_path)
    assert said.stdout == "done: point 2, QC 0.15, ER 0.05, 54 atoms\n", said
    none = run(SHELL[1], api.url, tmp_path, MAX_ER="-1")
    assert (none.returncode, "no point has ER <= -1" in none.stdout) == (1, True)


@with_curl
def test_the_shell_changes_one_field_and_hears_events(
    api: ApiServer,  # noqa: F811
    store: Store,  # noqa: F811
    feed: None,
    tmp_path: Path,
) -> None:
    said = run(SHELL[2], api.url, tmp_path)
    assert json.loads(said.stdout) == {"deadline_s": 3.0, "max_er_for_control": 0.05}, said
    assert store.policy("simulated").max_er_for_control == 0.05
    heard = run(SHELL[3], api.url, tmp_path)
    assert [line[:6] for line in heard.stdout.splitlines()] == ["event:"] * 2, heard


@with_curl
def test_the_shell_sends_an_image_and_reads_its_result(
    api: ApiServer,  # noqa: F811
    worker: SmallWorker,  # noqa: F811
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "image.npy", picture())
    assert run(SHELL[4], api.url, tmp_path).stdout == "done: 60 atoms\n"


def test_every_shell_snippet_is_run_by_a_test() -> None:
    assert len(SHELL) == 5


def test_the_pages_python_prints_beam_positions(address: str) -> None:  # noqa: F811
    code = code_for(address, snippets(PAGE)[0])
    said = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert re.findall(r"would go to \(0\.\d{4}, 0\.\d{4}\)", said.stdout)
