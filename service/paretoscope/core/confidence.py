"""How likely a blob is an atom rather than a chance maximum of the noise."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from paretoscope.core.scale_space import kernel_1d

HALF_WIDTH = 0.5
"""Blobs within this much of a significance are compared with the maxima expected there."""

LEAST_Z = 2.0
"""Below this noise has maxima nearly everywhere and the formula for their number no longer holds."""


def significance(response: npt.NDArray, sigma_px: npt.NDArray, noise: npt.NDArray) -> npt.NDArray[np.float64]:
    """A response in units of what white noise alone gives, (N,).

    response, sigma_px: (N,) LoG response and its scale.  noise: (N,) standard deviation of a pixel nearby.
    """
    gain = np.array([noise_gain(round(float(sigma), 3)) for sigma in sigma_px])
    return np.clip(np.asarray(response, np.float64) / np.maximum(noise * gain, 1e-12), 0.0, 1e4)


def confidence(z: npt.NDArray[np.float64], sigma_px: npt.NDArray, area_px: float) -> npt.NDArray[np.float64]:
    """One minus the local false discovery rate of each blob, (N,) in 0..1, never falling with z.

    Efron, J. Am. Stat. Assoc. 99, 96 (2004): of the blobs about as significant as this one, the share that
    noise alone would have put there. Noise is a smooth Gaussian field whose maxima above z number
    area (1.5 / sigma^2) (2 pi)^(-3/2) z exp(-z^2 / 2) (Adler, The Geometry of Random Fields, 1981, ch. 6;
    1.5 / sigma^2 is the field's squared slope over its variance for a LoG filter), in the area not taken by
    blobs that are beyond doubt.
    z: (N,) see `significance`.  area_px: of the image.
    """
    if len(z) == 0:
        return np.empty(0)
    order = np.argsort(z)
    ranked, density = z[order], 1.5 / np.asarray(sigma_px, np.float64)[order] ** 2
    sure = ranked > 7
    taken = float(np.sum(4 * math.pi * 1.5 / density[sure])) if sure.any() else 0.0
    free = max(area_px - taken, 0.1 * area_px)
    low, high = np.maximum(ranked - HALF_WIDTH, ranked[0]), ranked + HALF_WIDTH
    first, last = np.searchsorted(ranked, low, "left"), np.searchsorted(ranked, high, "right")
    total = np.concatenate([[0.0], np.cumsum(density)])
    observed = last - first
    expected = free * (total[last] - total[first]) / observed * (_maxima(low) - _maxima(high))
    share = np.where(ranked < LEAST_Z, 1.0, np.clip(expected / observed, 0.0, 1.0))
    result = np.empty(len(z))
    result[order] = np.maximum.accumulate(1 - share)
    return result


def _maxima(z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Maxima above z (at least 1) per unit of squared slope."""
    z = np.maximum(z, 1.0)
    return (2 * math.pi) ** -1.5 * z * np.exp(-0.5 * z * z)


@lru_cache(maxsize=4096)
def noise_gain(sigma: float) -> float:
    """Standard deviation of the LoG response to white noise of standard deviation 1."""
    smooth, curve = kernel_1d(sigma, 0), -(sigma**2) * kernel_1d(sigma, 2)
    return math.sqrt(2 * ((smooth @ smooth) * (curve @ curve) + (smooth @ curve) ** 2))
