"""A frame's power spectrum as a thumbnail, the lattice's reflections ringed where one was found.

Frequencies are (y, x) in cycles per pixel; zero is in the middle, y grows downwards.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw

from paretoscope.contract import ExpectedCount

SIDE_PX = 256
LOOK_PX = 1024
"""At most so much of the frame's middle is looked at: more makes the spots finer, not clearer."""
ORDERS = 4
SHOWN_ORDERS = 3.3
USUAL_REACH_CPP = 0.25
RING_PX = 7
COLOUR = (255, 176, 0)
"""Told apart from grey by every kind of eye."""


def reflections(expected: ExpectedCount | None, reach_cpp: float) -> np.ndarray:
    """(n, 2): the lattice's frequencies within `reach_cpp` of zero along each axis, without zero itself."""
    if expected is None or expected.reciprocal_cpp is None:
        return np.zeros((0, 2))
    h, k = np.mgrid[-ORDERS : ORDERS + 1, -ORDERS : ORDERS + 1]
    orders = np.column_stack([h.ravel(), k.ravel()])
    orders = orders[np.any(orders != 0, axis=1)]
    found = orders @ np.array(expected.reciprocal_cpp)
    return found[np.all(np.abs(found) < reach_cpp, axis=1)]


def reach_of(expected: ExpectedCount | None) -> float:
    """How far from zero the thumbnail shows, cycles per pixel."""
    if expected is None or expected.reciprocal_cpp is None:
        return USUAL_REACH_CPP
    longest = float(np.hypot(*np.array(expected.reciprocal_cpp).T).max())
    return min(0.5, SHOWN_ORDERS * longest)


def power(image: np.ndarray, reach_cpp: float) -> np.ndarray:
    """Log power of the image's middle within `reach_cpp`: (n, n) float32, zero at [n // 2, n // 2]."""
    side = min(*image.shape, LOOK_PX)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    part = np.nan_to_num(image[top : top + side, left : left + side].astype(np.float32))
    window = np.hanning(side).astype(np.float32)
    part = (part - part.mean()) * window * window[:, None]
    spectrum = np.fft.fftshift(np.abs(np.fft.fft2(part)) ** 2)
    half = max(4, min(side // 2, round(reach_cpp * side)))
    middle = side // 2
    cut = spectrum[middle - half : middle + half, middle - half : middle + half]
    return np.log10(cut + 1e-12 * max(float(cut.max()), 1e-30)).astype(np.float32)


def spectrum_png(image: np.ndarray, expected: ExpectedCount | None) -> bytes:
    """image: (rows, columns), any real dtype."""
    reach = reach_of(expected)
    shown = power(image, reach)
    low, high = np.percentile(shown, [20.0, 99.95])
    grey = np.clip((shown - low) / max(float(high - low), 1e-6), 0.0, 1.0)
    picture = Image.fromarray((255 * grey + 0.5).astype(np.uint8))
    picture = picture.resize((SIDE_PX, SIDE_PX), Image.Resampling.LANCZOS).convert("RGB")
    pen = ImageDraw.Draw(picture)
    # What is shown is a whole number of bins: that, not what was asked for, gives the scale.
    side = min(*image.shape, LOOK_PX)
    scale = SIDE_PX / (len(shown) / side)
    for y_cpp, x_cpp in reflections(expected, reach):
        y, x = (SIDE_PX / 2 + scale * value for value in (y_cpp, x_cpp))
        pen.ellipse([x - RING_PX, y - RING_PX, x + RING_PX, y + RING_PX], outline=COLOUR)
    sink = io.BytesIO()
    picture.save(sink, format="PNG", compress_level=1)
    return sink.getvalue()
