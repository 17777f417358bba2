"""`paretoscope analyze --movie`: every frame of a stack, a line each, and one table of all atoms."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from paretoscope.adapters.files import ImageFile
from paretoscope.movie import MovieFrame, detect_movie


def run(file: ImageFile, out: Path | None, name: str, as_json: bool, options: dict[str, Any]) -> None:
    """Detect frame by frame; print a line and write the atoms as each is done."""
    began, atoms = time.perf_counter(), 0
    with _table(out, name) as write:
        last = began
        for found in detect_movie(file.frames(), pixel_size_nm=file.pixel_size_nm, **options):
            write(found.atoms)
            now = time.perf_counter()
            print(_line(file, found, 1e3 * (now - last), as_json), flush=True)
            last, atoms = now, atoms + len(found)
    if not as_json:
        rate = 60 * file.frame_count / (time.perf_counter() - began)
        print(f"{file.frame_count} frames, {atoms} atoms, {rate:.0f} frames a minute")
        if out is not None:
            print(f"wrote {out / name}-movie-atoms.csv")


def _line(file: ImageFile, found: MovieFrame, ms: float, as_json: bool) -> str:
    if not as_json:
        how = "tuned" if found.tuned else "tracked"
        return f"frame {found.frame + 1}/{file.frame_count}  {len(found)} atoms  {how}  {ms:.0f} ms"
    facts = {
        "file": str(file.path),
        "frame": found.frame,
        "frames": file.frame_count,
        "atoms": len(found),
        "params": None if found.params is None else found.params.model_dump(mode="json"),
        "tuned": found.tuned,
        "ms": round(ms, 3),
    }
    return json.dumps(facts, allow_nan=False)


@contextmanager
def _table(out: Path | None, name: str) -> Iterator[Any]:
    """What to call with each frame's columns; a file cut off by an error keeps the name `.part`."""
    if out is None:
        yield lambda columns: None
        return
    target = out / f"{name}-movie-atoms.csv"
    partial = target.with_name(target.name + ".part")
    with partial.open("w", encoding="utf-8", newline="") as handle:
        yield lambda columns: _append(handle, columns)
    partial.replace(target)


def _append(handle: IO[str], columns: dict[str, np.ndarray]) -> None:
    if handle.tell() == 0:
        handle.write(",".join(columns) + "\n")
    # A float32 keeps its short spelling; a number that is none leaves the cell empty.
    cells = [
        np.where(np.isfinite(column), column.astype("U"), "")
        if column.dtype.kind == "f"
        else column.astype("U")
        for column in columns.values()
    ]
    handle.writelines(",".join(row) + "\n" for row in zip(*cells, strict=True))
