"""What a frame needs before any parameter can be tried: expectation, search space, candidates.

Built once per frame; a re-detection with other parameters starts from here and costs milliseconds.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from functools import cached_property
from threading import Lock

import numpy as np

from paretoscope.contract import ExpectedCount, FrameHeader, LogParams, StreamMemory, StreamPolicy
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.candidates import CandidateSet, snapped
from paretoscope.core.expected import Expectation, expect
from paretoscope.core.hot_pixels import Cleaned
from paretoscope.core.scale_space import exact_grid
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
    device: str = "cpu"
    hot: int = 0
    """Hot and dead pixels that were clipped."""
    _building: Lock = field(default_factory=Lock, repr=False, compare=False)

    @cached_property
    def grid(self) -> np.ndarray:
        """(S,) float32 scales of the candidates, px."""
        return exact_grid(self.space.grid)

    @property
    def candidates(self) -> CandidateSet:
        """Of the whole grid; built when first asked for, which a tracked frame never does."""
        with self._building:
            if "_candidates" not in self.__dict__:
                built = CandidateSet.build(self.image, self.space.grid, CANDIDATE_FLOOR, self.device)
                self.__dict__["_candidates"] = built
            return self.__dict__["_candidates"]

    def snap(self, params: LogParams) -> LogParams:
        """The nearest parameters on the grid; see `CandidateSet.snap`."""
        return snapped(self.grid, CANDIDATE_FLOOR, params)

    def detect(self, params: LogParams) -> Blobs:
        """The blobs of parameters on the grid: from the candidates where they are there, else from the scales
        asked for alone."""
        built: CandidateSet | None = self.__dict__.get("_candidates")
        if built is not None:
            return built.select(params)
        return detect_blobs(self.image, params, self.device)

    def expected(self) -> ExpectedCount | None:
        """For the front, with what the image had to have mended."""
        expectation = self.expectation
        if self.hot:
            note = f"{self.hot} hot or dead pixel{'s' if self.hot > 1 else ''} clipped"
            known = f"{expectation.note}; " if expectation.note else ""
            expectation = replace(expectation, note=known + note)
        return expectation.document()

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


MOST_CACHED_PIXELS = 1 << 24
"""Of all frames in a `PreparedCache` together: one of 4096 x 4096, whose candidates take some 400 MB."""


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
        self.make_room(prepared.image.size)
        with self._lock:
            self._items[key] = prepared
            self._items.move_to_end(key)
            while len(self._items) > self._size:
                self._items.popitem(last=False)

    def make_room(self, pixels: int) -> None:
        """Forget the oldest frames that leave no room for a new one of so many pixels, before it is built."""
        with self._lock:
            while self._items and pixels + self._pixels() > MOST_CACHED_PIXELS:
                self._items.popitem(last=False)

    def _pixels(self) -> int:
        return sum(prepared.image.size for prepared in self._items.values())


def prepare(
    header: FrameHeader,
    cleaned: Cleaned,
    policy: StreamPolicy,
    device: str,
    stages: StageClock,
) -> Prepared:
    """Everything that does not depend on detection parameters, but for the candidates.

    Raises BadLattice.
    """
    with stages("lattice"):
        expectation = expect(
            cleaned.image,
            header.pixel_size_nm,
            policy.lattice,
            policy.expected,
            policy.density_per_nm2,
            policy.count,
        )
    return Prepared(cleaned.image, expectation, space_of(expectation), device, len(cleaned.places))


def space_of(expectation: Expectation) -> LogSpace:
    return LogSpace(expectation.neighbour_px, blob_sigma_px=expectation.blob_sigma_px)
