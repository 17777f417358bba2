"""The compiled kernel of qLogNEHVI: built once in a process of its own, then loaded without any lock.

    stamp fits ───────────────────────────────> load the library
    else: builder (flock) ─ torch's build ─ stamp ─> load the library

torch's own way takes a lock file on every load and waits for ever on one that a killed process left behind.
Here nobody who works takes it, and the builder, of which a `flock` allows one at a time, removes it when no
process has it open. The system frees a `flock` itself, however its holder ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

EXTENSION = "logei_fused_ext"
COMPILE_LIMIT_S = 180
LOOK_S = 0.2


def load() -> str:
    """Build the kernel where there is none that fits, and let BoTorch use it; '' or why it cannot."""
    from botorch.acquisition.multi_objective import logei

    if not hasattr(logei, "_load_attempted"):
        return "this BoTorch has no such kernel"
    note = "" if fits(folder()) else _build_apart()
    if not note:
        try:
            logei._C = _imported(_library(folder()))
        except (ImportError, OSError) as error:
            note = f"the kernel cannot be loaded: {error}"
    logei._load_attempted = True  # BoTorch would try by itself, with the lock, on first use.
    return note


def folder() -> Path:
    """Where torch builds it."""
    from torch.utils import cpp_extension

    return Path(cpp_extension._get_build_directory(EXTENSION, verbose=False))


def fits(where: Path) -> bool:
    """Whether the library there was built for this torch, this BoTorch and this processor."""
    try:
        return _stamp(where).read_text() == _wanted(_library(where))
    except OSError:
        return False


def is_left_behind(lock: Path) -> bool:
    """Whether nobody builds under this lock file any more.

    torch keeps the file open while it builds, and the compiler it starts works in the folder. Where processes
    cannot be looked at (no /proc), a lock counts as held.
    """
    try:
        processes = [one for one in Path("/proc").iterdir() if one.name.isdigit()]
    except OSError:
        return False
    return bool(processes) and not any(_builds(one, lock) for one in processes)


def _builds(process: Path, lock: Path) -> bool:
    try:
        if process.joinpath("cwd").samefile(lock.parent):
            return True
        return any(os.readlink(one) == str(lock) for one in process.joinpath("fd").iterdir())
    except OSError:  # It ended meanwhile, or is another user's.
        return False


def _build_apart() -> str:
    """In a child, because compiling may hang and must not leave its marks here."""
    command = [sys.executable, "-m", __name__]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as builder:
        try:
            builder.wait(COMPILE_LIMIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(builder.pid, signal.SIGKILL)  # With the compilers it started.
            return f"compiling the kernel took more than {COMPILE_LIMIT_S} s"
    return "" if fits(folder()) else "the kernel could not be compiled: is a C++ compiler installed?"


def build() -> None:
    """Entry of the builder. It ends by itself should whoever asked for it be gone."""
    import warnings

    from botorch.acquisition.multi_objective import logei

    warnings.simplefilter("ignore")
    signal.alarm(COMPILE_LIMIT_S)
    where = folder()
    with _one_at_a_time(where):
        if fits(where):
            return
        lock = where / "lock"
        while lock.exists():
            if is_left_behind(lock):
                lock.unlink(missing_ok=True)
            else:
                threading.Event().wait(LOOK_S)
        if _stamp(where).exists() and not _stamp(where).read_text().startswith(_here()):
            for old in [*where.glob("*.o"), *where.glob("*.so"), _stamp(where)]:
                old.unlink(missing_ok=True)
        logei._try_load_fused_kernel()
        if logei._C is not None:
            fresh = where / f"stamp.{os.getpid()}"
            fresh.write_text(_wanted(_library(where)))
            fresh.replace(_stamp(where))


@contextmanager
def _one_at_a_time(where: Path) -> Iterator[None]:
    with (where / "paretoscope.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _library(where: Path) -> Path:
    return where / f"{EXTENSION}.so"


def _stamp(where: Path) -> Path:
    return where / "paretoscope.stamp"


def _wanted(library: Path) -> str:
    """What the stamp of this library says when it may be loaded here. Raises OSError without a library."""
    held = library.stat()
    return f"{_here()} {held.st_size} {held.st_mtime_ns}\n"


def _here() -> str:
    """Versions and processor. What was compiled for another processor may be an illegal instruction here."""
    import botorch
    import torch

    try:
        told = Path("/proc/cpuinfo").read_text()
    except OSError:
        told = ""
    flags = next((line for line in told.splitlines() if line.startswith(("flags", "Features"))), "")
    return f"{torch.__version__} {botorch.__version__} {hashlib.sha256(flags.encode()).hexdigest()[:16]}"


def _imported(library: Path):
    spec = importlib.util.spec_from_file_location(EXTENSION, library)
    if spec is None or spec.loader is None:
        raise ImportError(f"{library} is no library")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    build()
