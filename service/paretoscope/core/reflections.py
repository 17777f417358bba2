"""Bragg-like peaks of an image's power spectrum, to a fraction of a bin.

Frequencies are (y, x) in cycles per pixel. Only one of each pair +-f is kept: an image is real.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage

from paretoscope.core.demodulate import fast_length, intensity, transforms

SIGNIFICANT = 8.0
"""Least ratio of a peak to the background round it; smoothed over 3 x 3 bins, noise passes once in 10^8."""
CLEAR = 60.0
"""A peak this far above the background is beyond doubt; more makes it no truer."""
ROUNDING = 1e-6
"""Power below this share of the strongest is no evidence."""
FAINTEST = 4e-4
"""Peaks below this share of the third strongest one's power are side lobes or overtones nobody needs."""
WRAPPED: Any = ("wrap", "nearest")
"""How the half-plane spectrum goes on beyond its edges, along (y, x)."""
LONG = 1.6
"""Frames longer than this times their width are cut into squares."""
RIPPLE_BINS = 4.0
"""No second peak is taken this near to a stronger one."""
INNER_RINGS = 24
TAPER = 0.35
"""Share of each side over which the frame is faded out; a narrow taper keeps what a central hole leaves."""


@dataclass(frozen=True)
class Reflections:
    """Peaks, strongest first; columns of equal length."""

    frequency: np.ndarray
    """(n, 2) float64, (y, x), cycles per px, half plane."""
    power: np.ndarray
    """(n,) float64, above the background, arbitrary unit."""
    significance: np.ndarray
    """(n,) float64, peak over background."""
    bin_cpp: tuple[float, float]
    """Width of one resolution bin along (y, x), cycles per px: one over the frame's side."""

    def __len__(self) -> int:
        return len(self.power)

    @property
    def weight(self) -> np.ndarray:
        """(n,) how much each peak counts, sum 1: the geometric mean of power and significance.

        Slow contamination has power without significance, scan jitter far out significance without power.
        """
        weight = np.sqrt(self.power * np.minimum(self.significance, CLEAR))
        return weight / max(float(weight.sum()), 1e-300)

    def take(self, index: np.ndarray) -> Reflections:
        return Reflections(self.frequency[index], self.power[index], self.significance[index], self.bin_cpp)


def find_reflections(image: np.ndarray, weight: np.ndarray | None = None, most: int = 48) -> Reflections:
    """Significant peaks of the power spectrum.

    image: (rows, columns) float32.  weight: (rows, columns) in [0, 1], where to look; None = everywhere.
    """
    power, size, (rows, columns) = _tiled_spectrum(image, weight)
    fy = np.fft.fftfreq(size[0]).astype(np.float32)
    fx = np.fft.rfftfreq(size[1]).astype(np.float32)
    radius = np.hypot(fy[:, None], fx[None, :])
    background = _radial_background(power, radius, 1.5 / min(rows, columns))
    inner = (radius > 2.5 / min(rows, columns)) & (radius < 0.5)
    # Where a smooth image has no power left, rounding has patterns of its own.
    background += ROUNDING * float(power[inner].max(initial=0.0)) + 1e-30
    ratio = power / background
    # 1-2-1 over the neighbours: peaks are wider than one bin, specks of noise are not.
    ratio = ndimage.convolve1d(ratio, [0.25, 0.5, 0.25], axis=0, mode="wrap")
    ratio = ndimage.convolve1d(ratio, [0.25, 0.5, 0.25], axis=1, mode="mirror")
    # Fewer than about two and a half periods over the frame is shape, not lattice.
    allowed = inner
    allowed[fy < 0, 0] = False
    reach = [2 * max(1, round(size[axis] / side)) + 1 for axis, side in ((0, rows), (1, columns))]
    peak = (ratio >= SIGNIFICANT) & allowed
    peak &= ratio == ndimage.maximum_filter(ratio, size=reach, mode=WRAPPED)
    y, x = np.nonzero(peak)
    strength = power[y, x] - background[y, x]
    order = np.argsort(-strength)[:most]
    order = order[strength[order] > FAINTEST * strength[order[:3]].min(initial=np.inf)]
    y, x = y[order], x[order]
    alone = _without_ripples(y, x, size, (rows, columns))
    y, x, order = y[alone], x[alone], order[alone]
    frequency = np.column_stack([
        _between(power, y, x, 0, size) / size[0],
        _between(power, y, x, 1, size) / size[1],
    ])  # fmt: skip
    return Reflections(
        frequency, strength[order].astype(float), ratio[y, x].astype(float), (1.0 / rows, 1.0 / columns)
    )


def _tiled_spectrum(
    image: np.ndarray, weight: np.ndarray | None
) -> tuple[np.ndarray, tuple[int, int], tuple[int, int]]:
    """Power spectrum, its padded size and the (rows, columns) it has the resolution of.

    A long frame resolves one direction far better than the other, and a bent lattice then splits into many
    peaks: it is cut into overlapping squares, and their spectra are added.
    """
    rows, columns = image.shape
    side = min(rows, columns)
    if max(rows, columns) < LONG * side:
        return *_power_spectrum(image, weight), (rows, columns)
    count = int(np.ceil(2.0 * max(rows, columns) / side)) - 1
    starts = np.linspace(0, max(rows, columns) - side, count).round().astype(int)
    total, size = np.zeros((0, 0), dtype=np.float32), (0, 0)
    for start in starts:
        tile = np.s_[start : start + side] if rows > columns else np.s_[:, start : start + side]
        power, size = _power_spectrum(image[tile], None if weight is None else weight[tile])
        total = power if not total.size else total + power
    return total, size, (side, side)


def _power_spectrum(image: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, tuple[int, int]]:
    """Faded-out, mean-free |FFT|^2 in the layout of ``rfft2``, and the padded size."""
    rows, columns = image.shape
    # Small windows are padded so that a peak spans several samples; others only to a fast length.
    size = (fast_length(max(rows, 192)), fast_length(max(columns, 192)))
    window = taper(rows)[:, None] * taper(columns)[None, :]
    if weight is not None:
        window = window * weight
    mean = float((image * window).sum() / max(float(window.sum()), 1e-6))
    return intensity(transforms.rfft2((image - np.float32(mean)) * window, s=size)), size


def _without_ripples(
    y: np.ndarray, x: np.ndarray, size: tuple[int, int], frame: tuple[int, int]
) -> np.ndarray:
    """(n,) bool: not within a few bins of a stronger peak; a hole in the lattice surrounds each peak with
    rings."""
    fy = np.where(y > size[0] // 2, y - size[0], y) / size[0] * frame[0]
    fx = x / size[1] * frame[1]
    keep: list[int] = []
    for index in range(len(y)):
        near = [np.hypot(fy[index] - fy[k], fx[index] - fx[k]) < RIPPLE_BINS for k in keep]
        if not any(near):
            keep.append(index)
    return np.array(keep, dtype=int)


def taper(length: int) -> np.ndarray:
    """(length,) float32 in [0, 1]: one in the middle, a squared sine to zero at both ends."""
    position = (np.arange(length) + 0.5) / length
    edge = np.minimum(position, 1.0 - position) / TAPER
    return (np.sin(0.5 * np.pi * np.minimum(edge, 1.0)) ** 2).astype(np.float32)


def _radial_background(power: np.ndarray, radius: np.ndarray, width: float) -> np.ndarray:
    """What the spectrum would be without peaks, by circles.

    Far out the geometric mean: it barely feels a few bright bins, and for speckle lies exp(-0.577) below the
    mean. Near the centre a circle has few bins and peaks may fill half of them: there the lower quartile,
    which for speckle lies at 0.288 of the mean.
    """
    ring = (radius / width).astype(np.int32)
    logs = np.log(power + 1e-20)
    count = np.bincount(ring.ravel())
    total = np.bincount(ring.ravel(), weights=logs.ravel())
    level = total / np.maximum(count, 1) + 0.577
    level = ndimage.uniform_filter1d(level, 3, mode="nearest")
    inner = ring < INNER_RINGS
    rings, values = ring[inner], logs[inner]
    for index in range(min(INNER_RINGS - 1, len(level))):
        near = values[np.abs(rings - index) <= 1]
        if near.size:
            level[index] = np.quantile(near, 0.25) - np.log(0.288)
    return np.exp(level).astype(np.float32)[ring]


def _between(power: np.ndarray, y: np.ndarray, x: np.ndarray, axis: int, size: tuple[int, int]) -> np.ndarray:
    """Position of each peak along one axis, in samples, by a parabola through three logarithms."""
    centre = np.log(power[y, x] + 1e-20)
    if axis == 0:
        low, high = power[(y - 1) % power.shape[0], x], power[(y + 1) % power.shape[0], x]
        whole = np.where(y > size[0] // 2, y - size[0], y).astype(float)
    else:
        # Left of the zero column the spectrum is its own mirror image.
        mirrored = power[(-y) % power.shape[0], np.minimum(1, power.shape[1] - 1)]
        low = np.where(x > 0, power[y, np.maximum(x - 1, 0)], mirrored)
        high = power[y, np.minimum(x + 1, power.shape[1] - 1)]
        whole = x.astype(float)
    low, high = np.log(low + 1e-20), np.log(high + 1e-20)
    bend = low - 2.0 * centre + high
    shift = np.where(bend < 0, 0.5 * (low - high) / np.where(bend < 0, bend, -1.0), 0.0)
    return whole + np.clip(shift, -0.75, 0.75)
