"""The supervising process is killed, or told to stop, while its children hang: nothing of it is left."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from bridge.running import eventually
from cli.test_cli_service import environment, run, serving  # noqa: F401
from paretoscope.adapters.guardian import GRACE_S


def parts(pid: int) -> dict[str, psutil.Process]:
    """Children by what they are."""
    marks = {"store": "valkey-server", "bridge": "paretoscope.bridge", "api": "paretoscope.api"}
    found = {}
    for child in psutil.Process(pid).children(recursive=True):
        line = " ".join(child.cmdline())
        found |= {part: child for part, mark in marks.items() if mark in line and "-I -S -c" not in line}
    return found


def ended(one: psutil.Process) -> bool:
    try:
        return one.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


@pytest.mark.parametrize("part", ["store", "bridge", "api"])
def test_children_that_hang_do_not_outlive_a_killed_service_and_the_next_one_starts(
    environment: dict[str, str],  # noqa: F811
    part: str,
) -> None:
    with serving(environment, "--workers", "0") as service:
        children = eventually(lambda: len(found := parts(service.process.pid)) == 3 and found)
        fixed = environment | {
            "PARETOSCOPE_HTTP_PORT": service.url.rpartition(":")[2],
            "PARETOSCOPE_FRAMES": service.frames,
        }
        children[part].suspend()
        service.stop(signal.SIGKILL)
        begun = time.monotonic()
        with serving(fixed, "--workers", "0") as again:
            assert (again.url, again.frames) == (service.url, service.frames)
            assert again.stop() == 0
        assert eventually(lambda: all(ended(one) for one in children.values()), 2 * GRACE_S)
        assert time.monotonic() - begun < 60.0


def test_a_service_told_to_stop_ends_in_a_stated_time_although_its_children_hang(
    environment: dict[str, str],  # noqa: F811
) -> None:
    with serving(environment, "--workers", "0") as service:
        children = eventually(lambda: len(found := parts(service.process.pid)) == 3 and found)
        for part in ("bridge", "api"):
            children[part].suspend()
        assert service.stop() == 0
        assert all(ended(one) for one in children.values())


def test_a_second_copy_is_told_who_holds_the_folder(environment: dict[str, str]) -> None:  # noqa: F811
    with serving(environment, "--workers", "0") as service:
        second = run(environment, "serve", "--workers", "0")
        assert second.returncode == 2
        assert (
            f"(process {service.process.pid}): stop it, or choose another folder with --data" in second.stderr
        )


LAME = """
import signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
open(sys.argv[1], "w").write("up")
time.sleep(600)
"""
PARENT = """
import sys, time
from paretoscope.adapters.tethered import Kept
kept = Kept([sys.executable, "-c", sys.argv[1], sys.argv[2]]).start()
print(kept.pid, flush=True)
time.sleep(600)
"""


def test_a_child_that_ignores_being_told_is_killed_after_its_parent(tmp_path: Path) -> None:
    up = tmp_path / "up"
    command = [sys.executable, "-c", PARENT, LAME, str(up)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env={"PYTHONPATH": ":".join(sys.path)}) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert eventually(up.exists)
        parent.kill()
        parent.wait()
        assert child.is_running()
        assert eventually(lambda: ended(child), 4 * GRACE_S)
