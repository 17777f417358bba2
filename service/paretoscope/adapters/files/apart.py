"""A file of unknown origin, read in a process of its own with limits of memory, time and size.

    read_apart(path)  ──>  python -m paretoscope.adapters.files.apart PATH INDEX OUT
                      <──  OUT (npy), facts (JSON)

Readers of microscope files are many and not all of them careful: what one of them does to a broken file is
done to that process, and told like any other bad file.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paretoscope.errors import BadFile, ParetoscopeError, TooLarge

LIMIT_S = 60
MEMORY_BYTES = 4 * 1024**3
MARK = "paretoscope-file:"


@dataclass(frozen=True)
class Opened:
    """One image of a file."""

    image: np.ndarray
    """(rows, columns) of a dtype that a frame header carries."""
    images: int
    """How many the file holds."""
    index: int
    pixel_size_nm: tuple[float, float] | None
    """(y, x)."""
    dwell_us: float | None
    detector: str | None
    instrument: str | None
    notes: tuple[str, ...]
    """What the reader chose or could not find, one sentence each."""


def read_apart(path: Path, index: int | None = None, limit_s: float = LIMIT_S) -> Opened:
    """Read one image of the file; None takes the first and says so where there are several.

    Its folder must be writable: the pixels come through a file beside it. Raises BadFile, TooLarge.
    """
    out = path.with_name(".read.npy")
    command = [sys.executable, "-m", __name__, str(path), str(index or 0), str(out)]
    # One thread: linear algebra has no part in this, and each thread reserves memory of its own.
    environment = os.environ | dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, errors="replace", timeout=limit_s
        )
    except subprocess.TimeoutExpired:
        raise BadFile(
            "file-too-slow",
            hint=f"{path.name} was not read within {limit_s:g} s. Export the one image as TIFF or npy.",
        ) from None
    told = next((line for line in reversed(done.stdout.splitlines()) if line.startswith(MARK)), None)
    if told is None:
        raise BadFile(
            "unreadable-file",
            hint=f"{path.name} broke its reader (it ended with code {done.returncode}). It may be cut short, "
            "or need more memory than is given to a file: export the one image as TIFF or npy.",
        )
    facts: dict[str, Any] = json.loads(told.removeprefix(MARK))
    if "code" in facts:
        kind = TooLarge if facts["status"] == TooLarge.status else BadFile
        raise kind(facts["code"], hint=facts["hint"])
    image = np.load(out, allow_pickle=False)
    size, notes = facts.pop("pixel_size_nm"), tuple(facts.pop("notes"))
    if index is None and facts["images"] > 1:
        notes = (*notes, f"The file holds {facts['images']} images; this is the first (0).")
    return Opened(image, pixel_size_nm=None if size is None else tuple(size), notes=notes, **facts)


def main(path: Path, index: int, out: Path) -> None:
    """Read and tell, within the limits."""
    from paretoscope.adapters.files.read import read_image

    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
    try:
        file = read_image(path, index)
        np.save(out, file.image, allow_pickle=False)
        told: dict[str, Any] = {
            "images": file.frame_count,
            "index": index,
            "pixel_size_nm": file.pixel_size_nm,
            "dwell_us": file.dwell_us,
            "detector": file.detector,
            "instrument": file.instrument,
            "notes": file.notes,
        }
    except ParetoscopeError as error:
        told = {"code": error.code, "hint": error.hint, "status": error.status}
    print(f"{MARK}{json.dumps(told)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]))
