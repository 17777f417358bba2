"""One frame's way through the numerics, as a pure generator of documents.

The caller gives the image, the stream's policy and memory, a `Deadline` and a device; it gets documents
as soon as they are ready and decides itself where they go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from paretoscope.contract import Document, FrameHeader, LogParams, StreamMemory, StreamPolicy
from paretoscope.deadline import Deadline


@dataclass(frozen=True)
class FrameTask:
    header: FrameHeader
    image: np.ndarray
    """(rows, columns) of the header's dtype."""
    policy: StreamPolicy
    memory: StreamMemory


def analyse_frame(task: FrameTask, deadline: Deadline, device: str = "cpu") -> Iterator[Document]:
    """Yield AtomMap, ParetoFront, ParameterMap, Classes, StreamMemory and StageTime documents.

    The first AtomMap may come early (from the operating point) and be followed by a better one; the last
    document of each type is the one that counts. Progress documents come in between. Whatever happens,
    the generator ends soon after the deadline with the best result so far.

    Raises BadFrame for pixels that cannot be analysed, BadLattice for a lattice that cannot be placed.
    """
    raise NotImplementedError
    yield  # pragma: no cover


def redetect_frame(
    task: FrameTask, params: LogParams, revision: int, device: str = "cpu"
) -> Iterator[Document]:
    """Detect one frame anew with `params`: yields AtomMap, Classes and StageTime documents.

    Uses the cached candidates of the frame when it was analysed in this process not long ago.
    """
    raise NotImplementedError
    yield  # pragma: no cover
