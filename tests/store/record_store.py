"""Record what a version of the service leaves in its store: run by that version, read by all that follow.

    git worktree add /tmp/then COMMIT
    export PYTHONPATH=/tmp/then/service:/tmp/then/clients
    python tests/store/record_store.py tests/store/recorded/1.0.tar.gz

A file that is there is never recorded again: it stands for what that version wrote.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
import threading
import time
import zlib
from pathlib import Path

import numpy as np

from paretoscope.adapters.store import Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.contract import Choice, Fault, FrameHeader, StreamPolicy
from paretoscope.settings import load
from paretoscope.worker.process import run

SIDE_PX, SPACING_PX = 64, 10.0


def frame(stream: str, sequence: int) -> tuple[FrameHeader, np.ndarray]:
    """(side, side) uint16: a square lattice of bright columns under noise, another for each number."""
    y, x = np.mgrid[0:SIDE_PX, 0:SIDE_PX]
    wave = np.cos(2 * np.pi * (y / SPACING_PX - 0.5)) + np.cos(2 * np.pi * (x / SPACING_PX - 0.5))
    noise = np.random.default_rng(sequence).normal(0.0, 0.02, (SIDE_PX, SIDE_PX))
    pixels = np.clip(5000 + 30000 * (np.exp(wave - 2) + noise), 0, 65535).astype("<u2")
    data = pixels.tobytes()
    return FrameHeader(
        stream=stream,
        epoch="e1",
        sequence=sequence,
        shape=(SIDE_PX, SIDE_PX),
        dtype="uint16",
        nbytes=len(data),
        crc32=zlib.crc32(data),
        pixel_size_nm=(0.02, 0.02),
    ), pixels


def worked(store: Store, frame_id: str) -> None:
    while store.state(frame_id) in ("queued", "working"):
        time.sleep(0.05)


def record(out: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load(data=Path(folder) / "data", device="cpu", log_level="warning")
        with EmbeddedStore(settings.data) as running, Store.open(running.url, settings.limits) as store:
            store.set_policy("stem", StreamPolicy(deadline_s=5.0))
            stop = threading.Event()
            worker = threading.Thread(target=run, args=(settings, "then", stop))
            worker.start()
            for sequence in (0, 1, 2):  # tuned, tracked, tracked
                store.put_frame(*frame("stem", sequence))
                worked(store, frame("stem", sequence)[0].frame_id)
            answered = store.submit_choice(
                Choice(frame_id="stem-e1-000002", stream="stem", weight=0.5, choice_id="answered")
            )
            while store.choice_result(answered).state == "queued":
                time.sleep(0.05)
            store.name_class("stem", 0, "Sr")
            stop.set()
            worker.join()
            store.put_frame(*frame("stem", 4))  # one is missing before it
            failing = store.claim_frame("then")
            assert failing is not None
            store.fail_frame(failing, Fault(code="constant-image", hint="Every pixel is 7."))
            store.submit_choice(
                Choice(frame_id="stem-e1-000001", stream="stem", weight=0.0, choice_id="waiting", by="ada")
            )
            for sequence in (5, 6, 7):
                store.put_frame(*frame("stem", sequence))
            held = store.claim_frame("then")  # and never finished
            assert held is not None
            store.put_frame(*frame("eels", 0))
            store.set_policy("eels", StreamPolicy(drop="newest"))
        with tarfile.open(out, "w:gz") as packed:
            packed.add(settings.data / "appendonlydir", "appendonlydir")
    print(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    target = Path(sys.argv[1])
    if target.exists():
        sys.exit(f"{target} is there: what a version wrote is not written again")
    record(target)
