"""The REST pages and the script in them are true."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from pathlib import Path

from paretoscope.adapters.store import Store
from paretoscope.api.openapi import described
from paretoscope.api.server import ApiServer
from serving import SmallWorker, api, frame, server, store, worker  # noqa: F401

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "docs/examples/rest_loop.py"


def _feed(store: Store, stop: threading.Event) -> None:  # noqa: F811
    for sequence in range(200):
        if stop.wait(0.4):
            return
        store.put_frame(*frame(sequence))


def test_the_control_loop_steers_and_acts(api: ApiServer, store: Store, worker: SmallWorker):  # noqa: F811
    stop = threading.Event()
    feeding = threading.Thread(target=_feed, args=(store, stop))
    feeding.start()
    arguments = [
        "--url",
        api.url,
        "--stream",
        "stem",
        "--frames",
        "2",
        "--max-er",
        "0.06",
        "--even-simulated",
    ]
    try:
        said = subprocess.run(
            [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, timeout=60, check=False
        )
    finally:
        stop.set()
        feeding.join()
    assert said.returncode == 0, said.stderr
    assert said.stdout.count("picked point 2: QC 0.150, ER 0.050") == 2
    assert said.stdout.count("54 sure atoms of 54") == 2


def test_the_control_loop_says_what_is_wrong():
    said = subprocess.run(
        [sys.executable, SCRIPT, "--url", "nonsense", "--stream", "stem"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert "address" in said.stderr


def test_the_page_of_routes_lists_every_route_and_no_other():
    page = (ROOT / "docs/reference/rest.md").read_text(encoding="utf-8")
    told = set(re.findall(r"^\| `(GET|PUT|POST|DELETE) (/[^`]*)` \|", page, re.MULTILINE))
    paths = json.loads(described())["paths"]
    assert told == {(method.upper(), path) for path, methods in paths.items() for method in methods}
