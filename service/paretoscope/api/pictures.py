"""Arrays as PNG: contrast by percentiles, grey or a perceptually even colour map."""

from __future__ import annotations

import io
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

import numpy as np
from PIL import Image

SAMPLE = 250_000
"""At most about so many pixels are looked at to find black and white."""


def stretched(image: np.ndarray, low: float, high: float, gamma: float = 1.0) -> np.ndarray:
    """(rows, columns) -> uint8. `low` and `high` are percentiles that become black and white.

    Pixels that are not finite become black.
    """
    if image.dtype in (np.uint8, np.uint16):  # few values: work out each one once
        black, white = np.percentile(_sample(image), [low, high])
        levels = np.arange(np.iinfo(image.dtype).max + 1, dtype=np.float32)
        return _grey(levels, black, white, gamma)[image]
    values = np.asarray(image, dtype=np.float32)
    sample = _sample(values)
    sample = sample[np.isfinite(sample)]
    if sample.size == 0:
        return np.zeros(values.shape, np.uint8)
    black, white = np.percentile(sample, [low, high])
    return _grey(np.nan_to_num(values, nan=black, posinf=black, neginf=black), black, white, gamma)


def _sample(image: np.ndarray) -> np.ndarray:
    """Pixels from all over the image, not a stripe of it: the step shares no factor with the row length."""
    step = max(1, image.size // SAMPLE)
    while step > 1 and math.gcd(step, image.shape[-1]) > 1:
        step += 1
    return image.reshape(-1)[::step]


def _grey(values: np.ndarray, black: float, white: float, gamma: float) -> np.ndarray:
    span = max(float(white - black), float(np.finfo(np.float32).tiny))
    unit = np.clip((values - np.float32(black)) / np.float32(span), 0.0, 1.0)
    if gamma != 1.0:
        unit **= np.float32(gamma)
    return (255.0 * unit + 0.5).astype(np.uint8)


def shrunk(image: np.ndarray, max_side_px: int | None) -> np.ndarray:
    """uint8 image, averaged over whole boxes until no side is longer than asked."""
    longest = max(image.shape)
    if max_side_px is None or longest <= max_side_px:
        return image
    return np.asarray(Image.fromarray(image).reduce(-(-longest // max_side_px)))


def png(image: np.ndarray) -> bytes:
    """(rows, columns) uint8 -> an 8-bit grey PNG."""
    sink = io.BytesIO()
    Image.fromarray(image).save(sink, format="PNG", compress_level=1)
    return sink.getvalue()


def patch_png(patch: np.ndarray, scale: int) -> bytes:
    """A small float patch from its darkest to its brightest value, every pixel `scale` pixels wide."""
    grey = stretched(patch, 0.0, 100.0)
    return png(np.kron(grey, np.ones((scale, scale), np.uint8)))


class PictureCache:
    """The last few rendered pictures; a frame's pixels never change, so neither does its picture."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: OrderedDict[Hashable, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, make: Callable[[], bytes]) -> bytes:
        with self._lock:
            if key in self._held:
                self._held.move_to_end(key)
                return self._held[key]
        made = make()
        with self._lock:
            self._held[key] = made
            while len(self._held) > self._capacity:
                self._held.popitem(last=False)
        return made
