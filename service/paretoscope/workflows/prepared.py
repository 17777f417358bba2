"""What a frame needs before any parameter can be tried: expectation, search space, candidates.

Built once per frame; a re-detection with other parameters starts from here and costs milliseconds.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from paretoscope.contract import FrameHeader, LogParams, StreamMemory, StreamPolicy
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.expected import Expectation, expect
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.optimise.space import LogSpace
from paretoscope.workflows.stages import StageClock

CANDIDATE_FLOOR = 1e-3
"""Least response a candidate may have, on an image in [0, 1]: 8-bit pixels resolve no fainter atom."""


@dataclass(frozen=True)
class Prepared:
    """One frame, ready to be searched."""

    image: np.ndarray
    """(rows, columns) float32 in [0, 1]."""
    expectation: Expectation
    space: LogSpace
    candidates: CandidateSet

    def rescaled(self, memory: StreamMemory) -> StreamMemory:
        """`memory` with its parameters carried over to this frame's magnification.

        Sigmas scale with the neighbour distance; thresholds do not, because the response is normalised.
        """
        if memory.neighbour_px is None or memory.neighbour_px == self.expectation.neighbour_px:
            return memory
        ratio = self.expectation.neighbour_px / memory.neighbour_px
        update: dict[str, object] = {
            "neighbour_px": self.expectation.neighbour_px,
            "front": [_scaled(params, ratio) for params in memory.front],
        }
        if memory.operating is not None:
            params = _scaled(memory.operating.params, ratio)
            update["operating"] = memory.operating.model_copy(update={"params": params})
        return memory.model_copy(update=update)


def _scaled(params: LogParams, ratio: float) -> LogParams:
    return params.model_copy(
        update={"sigma_min": params.sigma_min * ratio, "sigma_max": params.sigma_max * ratio}
    )


class PreparedCache:
    """The last few frames' `Prepared`, by frame id and what their expectation was asked with. Thread-safe."""

    def __init__(self, size: int = 4) -> None:
        self._size = size
        self._items: OrderedDict[str, Prepared] = OrderedDict()
        self._lock = Lock()

    def get(self, key: str) -> Prepared | None:
        with self._lock:
            if key in self._items:
                self._items.move_to_end(key)
            return self._items.get(key)

    def put(self, key: str, prepared: Prepared) -> None:
        with self._lock:
            self._items[key] = prepared
            self._items.move_to_end(key)
            while len(self._items) > self._size:
                self._items.popitem(last=False)


def prepare(
    header: FrameHeader, image: np.ndarray, policy: StreamPolicy, device: str, stages: StageClock
) -> Prepared:
    """Everything that does not depend on detection parameters.

    image: (rows, columns), any real dtype. Raises BadFrame and BadLattice.
    """
    with stages("intensity"):
        cleaned = without_hot_pixels(image)
        unit, hot = cleaned.image, len(cleaned.places)
    with stages("lattice"):
        expectation = expect(
            unit,
            header.pixel_size_nm,
            policy.lattice,
            policy.expected,
            policy.density_per_nm2,
            policy.count,
        )
        if hot:
            note = f"{hot} hot or dead pixel{'s' if hot > 1 else ''} clipped"
            known = f"{expectation.note}; " if expectation.note else ""
            expectation = replace(expectation, note=known + note)
        space = LogSpace(expectation.neighbour_px, blob_sigma_px=expectation.blob_sigma_px)
    with stages("scale-space"):
        candidates = CandidateSet.build(unit, space.grid, CANDIDATE_FLOOR, device)
    return Prepared(unit, expectation, space, candidates)
