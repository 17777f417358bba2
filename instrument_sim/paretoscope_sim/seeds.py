"""Independent random streams that are a function of (seed, purpose, index) alone.

Every effect draws from its own stream, so switching one effect off leaves all the others as they
were, and frame 40 can be made without making frames 0 to 39.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, purpose: str, index: int = 0) -> np.random.Generator:
    """Return the generator for one purpose, e.g. ``stream(seed, "shot noise", frame)``."""
    return np.random.default_rng([seed, crc32(purpose.encode()), index])
