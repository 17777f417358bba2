"""How many atoms a picture without order may hold: a guess from its own grain, for want of anything
better."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from paretoscope.core.blob_width import blob_width
from paretoscope.core.confidence import noise_gain
from paretoscope.core.demodulate import fast_length

LIQUID = 0.85
"""Atoms per squared nearest-neighbour distance of a dense disordered layer: between random loose packing
(0.70) and a triangular lattice (1.15); two-dimensional liquids have 0.8 to 0.9."""
WIDE = 4.5
"""Columns of a lattice have a width of about one 4.5th of their distance: scattered atoms borrow that
distance. Nearer than 0.6 of it, 2.7 widths, two specks can hardly be told apart."""
REACHES = ((10.0, 18.0), (4.0, 7.0))
"""A background is taken off over the first number of widths, and a ring must then lie within the second;
farther away it is no packing but the support's texture. Touching atoms have neighbours five widths away, and
the width of atoms in a dense film may come out at a third of what it is. The second pair is for packed atoms
on a strongly bent background (a particle): it makes rings of its own, about nine widths away."""
BEYOND_NOISE = 6.0
"""Spreads of the noise that something in the frame must exceed: a million independent places have one chance
in a thousand."""
UNLIKE_NOISE = 5.0
"""Spreads of the autocorrelation of white noise that that of neighbouring pixels must exceed."""
LEAST_RING = 0.025
"""Autocorrelation at a ring: packed atoms give 0.035 and up, atoms that only keep apart 0.02 at most."""
PACKED = (0.5, 1.6)
"""Where a count is given, a ring must lie within these shares of the distance that so many atoms packed like
a liquid would have."""


@dataclass(frozen=True)
class Grain:
    neighbour_px: float
    density_per_px: float
    how: str
    """'ring': from the distance at which atoms have neighbours; 'specks': from counting bright specks."""
    blob_sigma_px: float | None = None
    """Width of a speck, standard deviation; None for a ring, whose distance says at which scales to look."""


def grain(image: np.ndarray, area: np.ndarray, step_px: int, count: float | None = None) -> Grain:
    """Characteristic distance, width and density of `image` (rows, columns) inside `area` (bool, grid of
    `step_px`). count: atoms in it, where that is known."""
    weight = area.repeat(step_px, 0).repeat(step_px, 1)[: image.shape[0], : image.shape[1]].astype(np.float32)
    sigma_px = blob_width(image, weight, count)
    distance = _ring(image, weight, sigma_px, count)
    if distance is not None:
        return Grain(distance, LIQUID / distance**2, "ring")
    seen = _specks(image, weight, sigma_px) if _holds_structure(image, weight) else 0
    return Grain(WIDE * sigma_px, seen / max(float(weight.sum()), 1.0), "specks", sigma_px)


def _ring(image: np.ndarray, weight: np.ndarray, sigma_px: float, count: float | None) -> float | None:
    """Distance of neighbours in a dense film, px; None where atoms are not packed."""
    low, high = 0.0, np.inf
    if count is not None:
        packed = float(np.sqrt(LIQUID * weight.sum() / count))
        low, high = PACKED[0] * packed, PACKED[1] * packed
    for widths, farthest in REACHES:
        widest = min(widths * sigma_px, min(image.shape) / 8.0)
        flat = (image - ndimage.gaussian_filter(image, widest, truncate=2.0)) * weight
        curve, related = _radial_autocorrelation(flat, weight)
        distance = _first_ring(curve) if related else None
        if distance is not None and low < distance < high and distance <= farthest * sigma_px:
            return distance
    return None


def _holds_structure(image: np.ndarray, weight: np.ndarray) -> bool:
    flat = (image - ndimage.gaussian_filter(image, min(image.shape) / 8.0, truncate=2.0)) * weight
    return _radial_autocorrelation(flat, weight)[1]


def _specks(image: np.ndarray, weight: np.ndarray, sigma_px: float) -> int:
    """Maxima of the response at the specks' own width that stand above noise and are no mere shoulders."""
    response = -ndimage.gaussian_laplace(image, sigma_px) * sigma_px**2
    peak = response == ndimage.maximum_filter(response, size=2 * int(np.ceil(sigma_px)) + 1)
    heights = response[peak & (weight > 0)]
    diagonal = image[1:, 1:] - image[1:, :-1] - image[:-1, 1:] + image[:-1, :-1]
    noise = 1.4826 * float(np.median(np.abs(diagonal))) / 2.0
    spread = noise * noise_gain(round(sigma_px, 3))
    if not (heights > BEYOND_NOISE * spread).any():
        return 0
    heights = heights[heights > 4.5 * spread]
    return int((heights > 0.4 * np.sort(heights)[-8:].mean()).sum()) if len(heights) else 0


def _radial_autocorrelation(flat: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, bool]:
    """(radii,) mean product of pixels one radius apart, 1 at zero; radii 0, 1, 2, ... px. And whether
    neighbouring pixels have more in common than in noise of any distribution."""
    size = tuple(fast_length(2 * side) for side in flat.shape)
    product = np.fft.irfft2(np.abs(np.fft.rfft2(flat, s=size)) ** 2, s=size)
    pairs = np.fft.irfft2(np.abs(np.fft.rfft2(weight, s=size)) ** 2, s=size)
    reach = max(min(flat.shape) // 4, 3)  # three even in the smallest image: the parabola below needs them
    y = np.concatenate([np.arange(reach), np.arange(-reach, 0)])
    part = np.ix_(y % size[0], np.arange(reach))
    radius = np.hypot(y[:, None], np.arange(reach)[None, :]).round().astype(int)
    total = np.bincount(radius.ravel(), product[part].ravel())[:reach]
    many = np.bincount(radius.ravel(), np.maximum(pairs[part], 1.0).ravel())[:reach]
    curve = total / many
    # The value at zero holds the noise too; carry the parabola through 1 and 2 px back to it.
    noisy, curve[0] = float(curve[0]), max(float((4.0 * curve[1] - curve[2]) / 3.0), 1e-20)
    return curve / curve[0], curve[0] > UNLIKE_NOISE * noisy / np.sqrt(max(float(weight.sum()), 1.0))


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
    if not clear or smooth[high] < LEAST_RING or high in (low, stop - 1):
        return None
    left, mid, right = smooth[high - 1 : high + 2]
    bend = left - 2 * mid + right
    return float(high + (0.5 * (left - right) / bend if bend < 0 else 0.0))
