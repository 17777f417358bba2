from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from bridge.running import eventually
from paretoscope.adapters.trim import lean_environment
from paretoscope.cli.service import Service
from paretoscope.settings import load

SCRIPT = """
import threading, time
import psutil
from paretoscope.adapters.trim import keep_trimmed

resident = psutil.Process().memory_info
begun = resident().rss
blocks = [bytearray(60_000) for _ in range(2_000)]
held = resident().rss - begun
del blocks[:-1]  # the last one lies above the others and keeps the heap from shrinking by itself
before = resident().rss - begun
stop = threading.Event()
keep_trimmed(stop, 0.01)
until = time.monotonic() + 20.0
while resident().rss - begun > 0.2 * held and time.monotonic() < until:
    time.sleep(0.01)
stop.set()
print(held, before, resident().rss - begun)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_what_was_freed_goes_back_to_the_system() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    held, before, after = map(int, told.stdout.split())
    assert held > 100_000_000
    assert before > 0.8 * held  # without it nothing goes back
    assert after <= 0.2 * held


SMALL = """
import threading, time
import psutil
from paretoscope.adapters.trim import keep_trimmed

resident = psutil.Process().memory_info
begun = resident().rss
held = [{"number": number} for number in range(400_000)]
most = resident().rss - begun
held = held[::200]  # a few that stay, all over
stop = threading.Event()
keep_trimmed(stop, 0.01)
until = time.monotonic() + 3.0
while resident().rss - begun > 0.4 * most and time.monotonic() < until:
    time.sleep(0.01)
stop.set()
print(most, resident().rss - begun)
"""


CYCLES = """
import threading, time
import psutil
from paretoscope.adapters.trim import keep_trimmed, settle

resident = psutil.Process().memory_info
settle()
begun = resident().rss
for number in range(20):
    cycle = {"held": bytearray(5_000_000)}
    cycle["self"] = cycle
del cycle
before = resident().rss - begun
stop = threading.Event()
keep_trimmed(stop, 0.01, collect=True)
until = time.monotonic() + 20.0
while resident().rss - begun > 0.2 * before and time.monotonic() < until:
    time.sleep(0.01)
stop.set()
print(before, resident().rss - begun)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_what_refers_to_itself_goes_back_too() -> None:
    told = subprocess.run([sys.executable, "-c", CYCLES], capture_output=True, text=True, check=True)
    before, after = map(int, told.stdout.split())
    assert before > 90_000_000  # the collector alone does not come to so few objects
    assert after <= 0.2 * before


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
@pytest.mark.parametrize("lean", [True, False], ids=["lean", "as-it-comes"])
def test_a_lean_process_gives_back_what_lay_between_small_things_that_stay(
    lean: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in lean_environment():
        monkeypatch.delenv(name, raising=False)
    told = subprocess.run(
        [sys.executable, "-c", SMALL],
        env=os.environ | (lean_environment() if lean else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    most, after = map(int, told.stdout.split())
    assert most > 50_000_000
    assert (after < 0.4 * most) == lean


def test_what_the_user_says_about_memory_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_ARENA_MAX", "3")
    assert lean_environment()["MALLOC_ARENA_MAX"] == "3"


def test_bridge_and_api_are_started_lean(tmp_path: Path) -> None:
    settings = load(data=tmp_path, http_port=0, frames="tcp://127.0.0.1:0", log_level="error")
    with Service(settings, workers=0):
        for part in ("bridge", "api"):
            (child,) = eventually(lambda part=part: running(f"paretoscope.{part}.process"))
            assert lean_environment().items() <= child.environ().items()


def running(mark: str) -> list[psutil.Process]:
    """Children of this process that were started as this."""
    return [one for one in psutil.Process().children() if mark in " ".join(one.cmdline())]
