"""How many atoms a picture without order may hold: a guess from its own grain, for want of anything
better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from paretoscope.core.demodulate import fast_length

LIQUID = 0.85
"""Atoms per squared nearest-neighbour distance of a dense disordered layer: between random loose packing
(0.70) and a triangular lattice (1.15); two-dimensional liquids have 0.8 to 0.9."""
WIDE = 4.5
"""Columns of a lattice have a width of about one 4.5th of their distance: scattered atoms borrow that
distance."""


@dataclass(frozen=True)
class Grain:
    neighbour_px: float
    density_per_px: float
    how: str
    """'ring': from the distance at which atoms have neighbours; 'specks': from counting bright specks."""


def grain(image: np.ndarray, area: np.ndarray, step_px: int) -> Grain:
    """Characteristic distance and density of `image` (rows, columns) inside `area` (bool, grid of
    `step_px`)."""
    weight = area.repeat(step_px, 0).repeat(step_px, 1)[: image.shape[0], : image.shape[1]].astype(np.float32)
    smooth = ndimage.gaussian_filter(image, min(image.shape) / 25.0, truncate=2.0)
    flat = (image - smooth) * weight
    correlation = _radial_autocorrelation(flat, weight)
    sigma_px = _speck_width(correlation)
    distance = _first_ring(correlation)
    # Farther out than the specks' width allows, a ring is a chance pattern of the frame.
    if distance is not None and 0.7 < distance / (WIDE * sigma_px) < 1.5:
        return Grain(distance, LIQUID / distance**2, "ring")
    count = _specks(image, weight, sigma_px)
    return Grain(WIDE * sigma_px, max(count, 1) / max(float(weight.sum()), 1.0), "specks")


def _specks(image: np.ndarray, weight: np.ndarray, sigma_px: float) -> int:
    """Maxima of the response at the specks' own width that stand above noise and are no mere shoulders."""
    response = -ndimage.gaussian_laplace(image, sigma_px) * sigma_px**2
    peak = response == ndimage.maximum_filter(response, size=2 * int(np.ceil(sigma_px)) + 1)
    heights = response[peak & (weight > 0)]
    # White noise of deviation s has a response of deviation s / (sqrt(2 pi) sigma).
    diagonal = image[1:, 1:] - image[1:, :-1] - image[:-1, 1:] + image[:-1, :-1]
    noise = 1.4826 * float(np.median(np.abs(diagonal))) / 2.0
    heights = heights[heights > 4.5 * noise / (np.sqrt(2 * np.pi) * sigma_px)]
    return int((heights > 0.3 * np.quantile(heights, 0.95)).sum()) if len(heights) else 0


def _radial_autocorrelation(flat: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """(radii,) mean product of pixels one radius apart, 1 at zero; radii 0, 1, 2, ... px."""
    size = tuple(fast_length(2 * side) for side in flat.shape)
    product = np.fft.irfft2(np.abs(np.fft.rfft2(flat, s=size)) ** 2, s=size)
    pairs = np.fft.irfft2(np.abs(np.fft.rfft2(weight, s=size)) ** 2, s=size)
    reach = min(flat.shape) // 4
    y = np.concatenate([np.arange(reach), np.arange(-reach, 0)])
    part = np.ix_(y % size[0], np.arange(reach))
    radius = np.hypot(y[:, None], np.arange(reach)[None, :]).round().astype(int)
    total = np.bincount(radius.ravel(), product[part].ravel())[:reach]
    many = np.bincount(radius.ravel(), np.maximum(pairs[part], 1.0).ravel())[:reach]
    curve = total / many
    # The value at zero holds the noise too; carry the parabola through 1 and 2 px back to it.
    curve[0] = max(float((4.0 * curve[1] - curve[2]) / 3.0), 1e-20)
    return curve / curve[0]


def _first_ring(curve: np.ndarray) -> float | None:
    """Distance of the first clear maximum behind the first minimum, px; None where there is none."""
    smooth = ndimage.gaussian_filter1d(curve, 1.0)
    low = 1
    while low + 1 < len(smooth) and smooth[low + 1] < smooth[low]:
        low += 1
    if low + 3 >= len(smooth):
        return None
    stop = min(int(2.6 * low) + 3, len(smooth) - 1)
    high = low + int(np.argmax(smooth[low:stop]))
    beyond = smooth[stop:] if stop < len(smooth) - 8 else smooth[high:]
    clear = smooth[high] - smooth[low] > max(0.08, 4.0 * float(np.std(beyond)))
    if not clear or high in (low, stop - 1):
        return None
    left, mid, right = smooth[high - 1 : high + 2]
    bend = left - 2 * mid + right
    return float(high + (0.5 * (left - right) / bend if bend < 0 else 0.0))


def _speck_width(curve: np.ndarray) -> float:
    """Standard deviation of a speck, px: the autocorrelation of a Gaussian is a Gaussian sqrt(2) wider."""
    below = np.nonzero(curve < 0.5)[0]
    half = float(below[0]) if len(below) else 3.0
    if len(below) and half >= 1:
        before, after = curve[int(half) - 1], curve[int(half)]
        half = half - 1 + float((before - 0.5) / max(before - after, 1e-9))
    return float(np.clip(half / np.sqrt(2 * np.log(2.0)) / np.sqrt(2.0), 1.0, 12.0))
