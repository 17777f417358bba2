"""Images of Gaussian atoms with known truth, for the tests of detection and refinement."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Scene:
    image: np.ndarray
    """(rows, columns) float32 in [0, 1]."""
    y_px: np.ndarray
    x_px: np.ndarray
    sigma_px: float
    neighbour_px: float
    noise: float
    """Standard deviation of the noise in units of the scaled image."""
    height: float
    """An atom's height above its background, in the same units."""


def render(
    shape: tuple[int, int], y: np.ndarray, x: np.ndarray, sigma: float, height: np.ndarray
) -> np.ndarray:
    image = np.zeros(shape)
    reach = int(5 * sigma) + 1
    for y_k, x_k, height_k in zip(y, x, height, strict=True):
        top, left = max(0, int(y_k) - reach), max(0, int(x_k) - reach)
        rows = np.arange(top, min(shape[0], int(y_k) + reach + 1))
        columns = np.arange(left, min(shape[1], int(x_k) + reach + 1))
        profile_y = np.exp(-((rows - y_k) ** 2) / (2 * sigma**2))
        profile_x = np.exp(-((columns - x_k) ** 2) / (2 * sigma**2))
        image[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] += height_k * np.outer(
            profile_y, profile_x
        )
    return image


def hexagonal(
    rng: np.random.Generator,
    shape: tuple[int, int] = (128, 128),
    neighbour_px: float = 10.0,
    sigma_px: float = 2.2,
    noise: float = 0.05,
    jitter_px: float = 0.3,
    height_spread: float = 0.1,
    vacancies: float = 0.05,
    counts_per_atom: float | None = None,
) -> Scene:
    """A hexagonal lattice with vacancies; noise is Gaussian (relative to an atom's height) or Poisson."""
    rows = np.arange(neighbour_px / 2, shape[0] - neighbour_px / 3, neighbour_px * np.sqrt(3) / 2)
    columns = np.arange(neighbour_px / 2, shape[1] - neighbour_px / 3, neighbour_px)
    y, x = (grid.ravel() for grid in np.meshgrid(rows, columns, indexing="ij"))
    x = x + neighbour_px / 2 * (np.round((y - rows[0]) / (rows[1] - rows[0])) % 2)
    there = (rng.random(len(y)) > vacancies) & (x < shape[1] - neighbour_px / 3)
    y = y[there] + rng.normal(0, jitter_px, there.sum())
    x = x[there] + rng.normal(0, jitter_px, there.sum())
    height = 1 + height_spread * rng.standard_normal(len(y))
    image = 0.2 + render(shape, y, x, sigma_px, height)
    if counts_per_atom is not None:
        noisy = rng.poisson(image * counts_per_atom) / counts_per_atom
    else:
        noisy = image + noise * rng.standard_normal(shape)
    span = np.ptp(noisy)
    unit = ((noisy - noisy.min()) / span).astype(np.float32)
    return Scene(unit, y, x, sigma_px, neighbour_px, noise / span, 1 / span)
