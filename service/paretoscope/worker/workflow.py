"""What a worker runs on a frame: the numerics behind two calls, so that a worker can run others too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from paretoscope.contract import (
    Document,
    FrameHeader,
    LogParams,
    ParetoFront,
    Progress,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.core.devices import check_device
from paretoscope.deadline import Deadline

ProgressSink = Callable[[Progress], None]
Grown = Any
"""The scale space of a frame, built while its rows came: made by `Workflow.grow`, filled by whoever has the
rows, handed back with the whole frame to `Workflow.analyse`."""

REHEARSAL_PX, REHEARSAL_S = 192, 1.0


class Workflow(Protocol):
    def check(self) -> None:
        """Run a tiny kernel where frames are worked. Raises DeviceFailed when its answer is wrong."""
        ...

    def grow(self, header: FrameHeader, policy: StreamPolicy, memory: StreamMemory) -> Grown | None:
        """An empty scale space for a frame whose first rows have come; None where it would be of no use."""
        ...

    def analyse(
        self,
        header: FrameHeader,
        image: np.ndarray,
        policy: StreamPolicy,
        memory: StreamMemory,
        deadline: Deadline,
        progress: ProgressSink,
        grown: Grown | None = None,
    ) -> Iterator[Document]:
        """Results, StreamMemory, StageTime and Course, each as soon as it is ready; `progress` meanwhile.

        Once Course has come nothing is left to be worked on.

        grown: the scale space of these very pixels, wholly or partly filled; the analysis must come out the
        same without it.
        """
        ...

    def redetect(
        self,
        header: FrameHeader,
        image: np.ndarray,
        policy: StreamPolicy,
        memory: StreamMemory,
        params: LogParams,
        revision: int,
    ) -> Iterator[Document]:
        """AtomMap, Classes and StageTime for other parameters; a FrontPoint tells what they reach."""
        ...


def load_numerics() -> None:
    """Import what `AtomFinding` needs, and start nothing on a GPU."""
    for name in ("frame", "redetection", "growing", "prepared", "stages", "task"):
        import_module(f"paretoscope.workflows.{name}")
    import_module("paretoscope.optimise.qnehvi")


class AtomFinding:
    """LoG*, refinement and classes on one device (``paretoscope.workflows.frame``)."""

    def __init__(self, device: str) -> None:
        """Loads the numerics and warms every kernel: seconds the first time, never inside a deadline."""
        load_numerics()
        from paretoscope.optimise.warm import warm_up
        from paretoscope.workflows import frame, redetection
        from paretoscope.workflows.growing import growing
        from paretoscope.workflows.prepared import PreparedCache
        from paretoscope.workflows.stages import Pace
        from paretoscope.workflows.task import FrameTask

        self._task = FrameTask
        self._analyse = frame.analyse_frame
        self._redetect = redetection.redetect_frame
        self._growing = growing
        self._device = device
        self._cache = PreparedCache()
        self._pace = Pace()
        warm_up()
        self._rehearse()
        self._pace = Pace()  # compiling is no measure of what is to come

    def check(self) -> None:
        check_device(self._device)

    def grow(self, header: FrameHeader, policy: StreamPolicy, memory: StreamMemory) -> Grown | None:
        return self._growing(header, policy, memory, self._device)

    def analyse(
        self,
        header: FrameHeader,
        image: np.ndarray,
        policy: StreamPolicy,
        memory: StreamMemory,
        deadline: Deadline,
        progress: ProgressSink,
        grown: Grown | None = None,
    ) -> Iterator[Document]:
        task = self._task(header, image, policy, memory, self._cache, self._pace, grown)
        return self._analyse(task, deadline, self._device, progress)

    def redetect(
        self,
        header: FrameHeader,
        image: np.ndarray,
        policy: StreamPolicy,
        memory: StreamMemory,
        params: LogParams,
        revision: int,
    ) -> Iterator[Document]:
        task = self._task(header, image, policy, memory, self._cache, self._pace)
        return self._redetect(task, params, revision, self._device)

    def _rehearse(self) -> None:
        """Tune, track and re-detect a small lattice: what is loaded on first use is then loaded."""
        y, x = np.mgrid[0:REHEARSAL_PX, 0:REHEARSAL_PX] * (2.0 * np.pi / 12.0)
        image = (np.cos(y) + np.cos(x)).astype(np.float32)
        header = FrameHeader(
            stream="rehearsal",
            epoch="0",
            sequence=0,
            shape=(REHEARSAL_PX, REHEARSAL_PX),
            dtype="float32",
            nbytes=image.nbytes,
            crc32=0,
        )
        policy, memory, front = StreamPolicy(refinement="gaussian"), StreamMemory(), None
        for _ in range(2):
            deadline = Deadline.after(REHEARSAL_S)
            for document in self.analyse(header, image, policy, memory, deadline, lambda _: None):
                if isinstance(document, StreamMemory):
                    memory = document
                elif isinstance(document, ParetoFront):
                    front = document
        if front is not None and front.points:
            for _ in self.redetect(header, image, StreamPolicy(), memory, front.points[0].params, 1):
                pass
