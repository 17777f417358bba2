"""Painting many small Gaussians, each only where it matters."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH_SIGMAS = 4.0
"""A spot is painted out to here; beyond it lies less than 0.04 % of it."""
CHUNK_VALUES = 1_000_000
"""How many spot pixels are in memory at once."""


def paint_spots(
    shape: tuple[int, int],
    y_px: NDArray[np.float64],
    x_px: NDArray[np.float64],
    amount: NDArray[np.float64],
    sigma_px: float,
    stretch: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
    row_shift: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None,
) -> NDArray[np.float64]:
    """Return the sum of Gaussians of unit volume times ``amount``, (rows, columns).

    stretch: two arrays (n,), the vector (y, x) along which each spot is smeared, standard deviation, pixels.
    row_shift: two arrays (rows,), how far each row's samples stand from their nominal (y, x), pixels.
    """
    rows, columns = shape
    stretch_y, stretch_x = stretch if stretch is not None else (np.zeros(1), np.zeros(1))
    shift_y, shift_x = row_shift if row_shift is not None else (np.zeros(rows), np.zeros(rows))
    widest = np.sqrt(sigma_px**2 + float(np.max(stretch_y**2 + stretch_x**2, initial=0.0)))
    reach = int(np.ceil(REACH_SIGMAS * widest))
    near = (y_px > -reach) & (y_px < rows + reach) & (x_px > -reach) & (x_px < columns + reach)
    y, x, volume = y_px[near], x_px[near], amount[near]
    # Covariance s^2 I + v v^T of a spot smeared along v, and its inverse in closed form.
    v_y = np.broadcast_to(stretch_y, y_px.shape)[near]
    v_x = np.broadcast_to(stretch_x, y_px.shape)[near]
    length = v_y**2 + v_x**2
    determinant = sigma_px**2 * (sigma_px**2 + length)
    a, b, c = (sigma_px**2 + v_x**2, -v_y * v_x, sigma_px**2 + v_y**2)
    a, b, c = a / determinant, b / determinant, c / determinant
    volume = volume / (2.0 * np.pi * np.sqrt(determinant))

    window = np.arange(-reach, reach + 1)
    image = np.zeros(rows * columns)
    step = max(1, CHUNK_VALUES // len(window) ** 2)
    for start in range(0, len(y), step):
        part = slice(start, start + step)
        row = np.rint(y[part]).astype(np.int64)[:, None] + window
        column = np.rint(x[part]).astype(np.int64)[:, None] + window
        in_row, in_column = (row >= 0) & (row < rows), (column >= 0) & (column < columns)
        row_safe = np.clip(row, 0, rows - 1)
        dy = row + shift_y[row_safe] - y[part][:, None]
        dx = column[:, None, :] + shift_x[row_safe][:, :, None] - x[part][:, None, None]
        power = (
            (a[part][:, None] * dy**2)[:, :, None]
            + (2.0 * b[part][:, None] * dy)[:, :, None] * dx
            + c[part][:, None, None] * dx**2
        )
        value = np.exp(-0.5 * power)
        value *= (volume[part][:, None] * in_row)[:, :, None]
        value *= in_column[:, None, :]
        place = row_safe[:, :, None] * columns + np.clip(column, 0, columns - 1)[:, None, :]
        image += np.bincount(place.ravel(), value.ravel(), rows * columns)
    return image.reshape(rows, columns)
