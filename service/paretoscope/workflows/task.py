"""One frame to be worked, and what is shared from one to the next."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from paretoscope.contract import FrameHeader, StreamMemory, StreamPolicy
from paretoscope.core.growing import GrowingScaleSpace
from paretoscope.workflows.prepared import PreparedCache
from paretoscope.workflows.stages import Pace


@dataclass(frozen=True)
class FrameTask:
    header: FrameHeader
    image: np.ndarray
    """(rows, columns) of the header's dtype."""
    policy: StreamPolicy
    memory: StreamMemory
    cache: PreparedCache = field(default_factory=PreparedCache, compare=False, repr=False)
    """Share one between tasks, and a re-detection of a recent frame needs no second scale space."""
    pace: Pace = field(default_factory=Pace, compare=False, repr=False)
    """Share one between tasks, and deadlines hold on a slow or busy machine as well."""
    grown: GrowingScaleSpace | None = field(default=None, compare=False, repr=False)
    """The scale space of this image, built while its rows came."""
