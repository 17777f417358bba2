"""The compiled kernel: a lock that a killed build left behind holds nobody up."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from paretoscope.optimise import kernel_build
from paretoscope.optimise.kernel_build import EXTENSION, fits, folder, is_left_behind

LOAD = (
    "from paretoscope.optimise.kernel_build import load\n"
    "from botorch.acquisition.multi_objective import logei\n"
    "note = load()\n"
    "assert note == '' and logei._C is not None, note\n"
)
HOLD = "import os, sys, time; os.open(sys.argv[1], os.O_CREAT | os.O_EXCL); print(flush=True); time.sleep(60)"


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the kernel's folder, as set-up built it, where torch looks for it."""
    here = folder()
    if not (here / f"{EXTENSION}.so").exists():
        pytest.skip("no kernel has been compiled here (make does it at set-up; it needs a C++ compiler)")
    place = tmp_path / here.parent.name / here.name
    shutil.copytree(here, place)
    for left in [place / "lock", place / "paretoscope.stamp"]:
        left.unlink(missing_ok=True)
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    assert folder() in (place, tmp_path / EXTENSION)
    if folder() != place:
        place.rename(folder())
    return folder()


def load(limit_s: float) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", LOAD], check=True, timeout=limit_s, env=environment)


def hold(lock: Path) -> subprocess.Popen[bytes]:
    """A process that has taken the lock as torch does."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(lock)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def test_a_lock_is_left_behind_once_its_holder_was_killed(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    holder = hold(lock)
    try:
        assert not is_left_behind(lock)
    finally:
        holder.kill()
        holder.communicate()
    assert lock.exists()
    assert is_left_behind(lock)


def test_a_compiler_still_at_work_in_the_folder_holds_the_lock(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.touch()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, cwd=tmp_path) as compiler:
        assert not is_left_behind(lock)
        compiler.communicate(b"\n")
    assert is_left_behind(lock)


@pytest.mark.timeout(170)  # less than a lock held anyone up before
def test_the_lock_of_a_killed_build_is_cleared_away_and_the_kernel_loaded(built: Path) -> None:
    holder = hold(built / "lock")
    holder.kill()
    holder.communicate()
    load(limit_s=150)  # torch may compile again in a folder that was moved
    assert not (built / "lock").exists()
    assert fits(built)
    # And who finds a kernel that fits takes no lock at all: not even one that is held keeps it waiting.
    holder = hold(built / "lock")
    try:
        load(limit_s=60)
    finally:
        holder.kill()
        holder.communicate()


def test_a_kernel_of_another_version_or_build_does_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / f"{EXTENSION}.so"
    assert not fits(tmp_path)
    library.write_bytes(b"-")
    assert not fits(tmp_path)
    (tmp_path / "paretoscope.stamp").write_text(kernel_build._wanted(library))
    assert fits(tmp_path)
    os.utime(library, (1, 1))
    assert not fits(tmp_path), "somebody has built it again"
    (tmp_path / "paretoscope.stamp").write_text(kernel_build._wanted(library))
    monkeypatch.setattr("torch.__version__", "0.0")
    assert not fits(tmp_path)
