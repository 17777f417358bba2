"""How wide the atoms of a picture are, measured on the picture itself.

Where a lattice is known its distances say at which scales to look. Scattered atoms have no distance that
says so, but they stand out most at their own scale: the scale at which the strongest responses lie highest
above what noise of the same spread would give is taken, the strongest specks there are averaged, and the
width of their mean profile is the answer. The mean takes off noise and background, which the
autocorrelation of the whole image does not: on single atoms it measures the support.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage, optimize

from paretoscope.core.scale_space import log_stack

FINEST_PX = 0.8
PER_OCTAVE = 3
LARGEST = 24.0
"""The widest atom is one 24th of the image's shorter side."""
NARROWEST = 0.55
"""Of the clearest scale: against white noise that is sqrt(3) widths, against other textures less."""
FEWEST, MOST = 8, 100
"""Specks that are averaged: the stronger half of those expected, within these."""


def blob_width(image: np.ndarray, weight: np.ndarray, count: float | None = None) -> float:
    """Standard deviation of a typical bright speck, px.

    image: (rows, columns) float32.  weight: the same shape, above 0 where specks may lie.
    count: how many there are; None takes the strongest few dozen.
    Single platinum atoms on carbon and dense films, simulated at widths of 0.7 to 3.8 px and three doses, are
    measured to about a fifth; never less than 0.6 px.
    """
    image = np.ascontiguousarray(image, dtype=np.float32)
    many = int(np.clip(0.5 * (count or 48.0), FEWEST, MOST))
    clearest_px = sigma_px = _clearest_scale(image, weight, many)
    for _ in range(2):
        measured = _profile_width(image, weight, sigma_px, many)
        if measured is None:
            break
        sigma_px = measured
    # The strongest maxima are partly noise; looked for ever finer, they would end as single pixels.
    return float(max(sigma_px, NARROWEST * clearest_px, 0.6))


def _clearest_scale(image: np.ndarray, weight: np.ndarray, many: int) -> float:
    """The scale, px, at which the strongest maxima are most spreads above the median response."""
    best, clearest = FINEST_PX, -np.inf
    bin_px, side = 1, min(image.shape)
    sigmas = FINEST_PX * 2.0 ** (np.arange(PER_OCTAVE) / PER_OCTAVE)
    while FINEST_PX * bin_px <= max(side / LARGEST, FINEST_PX) and min(image.shape) >= 16:
        for sigma, response in zip(sigmas, log_stack(image, sigmas).numpy(), strict=True):
            strongest = np.sort(_maxima(response, weight, float(sigma))[2])[::-1][:many]
            inside = response[weight > 0]
            if not len(strongest) or not len(inside):
                continue
            middle = float(np.median(inside))
            spread = 1.4826 * float(np.median(np.abs(inside - middle)))
            height = (float(strongest.mean()) - middle) / max(spread, 1e-12)
            height -= _of_noise(len(strongest) / (len(inside) / float(sigma) ** 2))
            if height > clearest and sigma * bin_px <= max(side / LARGEST, FINEST_PX):
                best, clearest = float(sigma) * bin_px, height
        # Twice as wide specks on pixels twice as large look the same and cost a quarter.
        image, weight, bin_px = _binned(image), _binned(weight), 2 * bin_px
    return best


def _of_noise(per_square_sigma: float) -> float:
    """How many spreads high the strongest maxima of noise alone are, on average.

    per_square_sigma: how many are the strongest, per square of the scale.  Noise has
    1.5 (2 pi)^(-3/2) z exp(-z^2 / 2) maxima above z there (see ``core.confidence``).
    """
    z = np.linspace(1.0, 8.0, 281)
    many = 1.5 * (2 * np.pi) ** -1.5 * z * np.exp(-0.5 * z * z)
    # The median of the strongest stands for their mean.
    return float(np.interp(-0.5 * per_square_sigma, -many, z))


def _profile_width(image: np.ndarray, weight: np.ndarray, sigma_px: float, many: int) -> float | None:
    """Width of the mean radial profile of the strongest specks, px; None where it is not a peak."""
    response = log_stack(image, [sigma_px])[0].numpy()
    y, x, height = _maxima(response, weight, sigma_px)
    order = np.argsort(-height)[:many]
    y, x, reach = y[order], x[order], int(np.ceil(2.5 * sigma_px)) + 1
    inside = (y >= reach) & (x >= reach) & (y < image.shape[0] - reach) & (x < image.shape[1] - reach)
    if inside.sum() < 3:
        return None
    offset = np.arange(-reach, reach + 1)
    rows = y[inside][:, None, None] + offset[None, :, None]
    columns = x[inside][:, None, None] + offset[None, None, :]
    mean = image[rows, columns].mean(axis=0)
    radius = np.hypot(offset[:, None], offset[None, :])
    near = radius <= 2.5 * sigma_px

    def misfit(width: np.ndarray) -> np.ndarray:
        shape = np.exp(-0.5 * (radius[near] / width[0]) ** 2)
        basis = np.column_stack([shape, np.ones_like(shape)])
        return basis @ np.linalg.lstsq(basis, mean[near], rcond=None)[0] - mean[near]

    low, high = max(0.5 * sigma_px, 0.4), 2.0 * sigma_px
    fit = optimize.least_squares(misfit, [sigma_px], bounds=([low], [max(high, 2.0 * low)]))
    return float(fit.x[0])


def _maxima(
    response: np.ndarray, weight: np.ndarray, sigma_px: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, columns and responses of the maxima of a radius of about two widths."""
    size = 2 * int(np.ceil(1.5 * sigma_px)) + 1
    y, x = np.nonzero((response == ndimage.maximum_filter(response, size=size)) & (weight > 0))
    return y, x, response[y, x]


def _binned(image: np.ndarray) -> np.ndarray:
    rows, columns = image.shape[0] // 2, image.shape[1] // 2
    part = image[: 2 * rows, : 2 * columns].reshape(rows, 2, columns, 2)
    return np.ascontiguousarray(part.mean(axis=(1, 3)), dtype=np.float32)
