"""A small real workflow: the brightest pixels are the atoms, and the pixels say what shall go wrong."""

from __future__ import annotations

import collections
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from paretoscope.contract import (
    Document,
    ExpectedCount,
    FrameHeader,
    FrontPoint,
    LogParams,
    OperatingPoint,
    Progress,
    StageTime,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.deadline import Deadline
from paretoscope.errors import BadFrame, DeviceFailed
from paretoscope.worker.workflow import ProgressSink
from store.helpers import PARAMS, atom_map, front


class BrightPixels:
    """Frames with the note 'bad', 'broken', 'slow' or 'disordered' do as they say.

    'kill-once:FILE' dies the first time, 'always-kill' each time; 'hold:FILE' waits for the file. 'spin'
    holds the interpreter in C, 'sleep' sleeps, 'stopped' stops the whole process: each for ever.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.memories: list[StreamMemory] = []
        if os.environ.get("KEEP_A_THREAD"):
            threading.Thread(target=threading.Event().wait, daemon=True).start()

    def check(self) -> None:
        if os.environ.get("BROKEN_DEVICE") and Path(os.environ["BROKEN_DEVICE"]).exists():
            raise DeviceFailed(hint="The test's device is broken.")

    def grow(self, header: FrameHeader, policy: StreamPolicy, memory: StreamMemory) -> None:
        return None

    def analyse(
        self,
        header: FrameHeader,
        image: np.ndarray,
        policy: StreamPolicy,
        memory: StreamMemory,
        deadline: Deadline,
        progress: ProgressSink,
        grown: Any | None = None,
    ) -> Iterator[Document]:
        self.memories.append(memory)
        note = header.note or ""
        if note == "bad":
            raise BadFrame("constant-image", hint="Every pixel is the same.")
        if note == "broken":
            raise ZeroDivisionError("deep inside")
        if note == "slow":
            time.sleep(max(0.0, deadline.remaining_s()) + 0.2)
        if note == "spin":
            collections.deque(itertools.repeat(0), maxlen=0)
        if note == "sleep":
            threading.Event().wait()
        if note == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        if note.startswith("hold:"):
            yield atom_map(header.frame_id, count=1)
            while not Path(note[5:]).exists():
                time.sleep(0.01)
        if note == "always-kill" or (note.startswith("kill-once:") and not Path(note[10:]).exists()):
            yield atom_map(header.frame_id, count=1)
            if note.startswith("kill-once:"):
                Path(note[10:]).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        progress(Progress(frame_id=header.frame_id, stage="tune", fraction=0.5))
        yield StageTime(name="detect", ms=2.0)
        yield atom_map(header.frame_id, count=2)
        yield StageTime(name="tune", ms=5.0)
        yield StageTime(name="tune", ms=5.0)
        found = front(header.frame_id)
        if note == "disordered":
            guess = ExpectedCount(value=7.0, source="density", note="a guess")
            found = found.model_copy(update={"n_expected": guess})
        yield found
        yield atom_map(header.frame_id, count=3)
        operating = memory.operating or OperatingPoint(params=PARAMS, frame_id=header.frame_id)
        yield StreamMemory(operating=operating, neighbour_px=9.0)

    def redetect(
        self,
        header: FrameHeader,
        image: np.ndarray,
        policy: StreamPolicy,
        memory: StreamMemory,
        params: LogParams,
        revision: int,
    ) -> Iterator[Document]:
        yield StageTime(name="detect", ms=1.0)
        yield atom_map(header.frame_id, count=round(params.threshold * 1000), revision=revision)
        yield FrontPoint(params=params, qc=0.05, er=0.5, n_found=8, n_close=2)


if __name__ == "__main__":
    from paretoscope.worker.standby import main

    sys.exit(main(BrightPixels))
