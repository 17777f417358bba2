"""Columns seen at an angle: dimmer and smeared along the tilt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from paretoscope_sim.imaging.settings import Scan

Columns = NDArray[np.float64]


def tilted(
    intensity: Columns, y_px: Columns, x_px: Columns, scan: Scan
) -> tuple[Columns, tuple[Columns, Columns] | None]:
    """Return each column's intensity and its smear (y, x) in pixels; no smear on the zone axis.

    The crystal is on axis at the middle of the frame and bends away from it linearly. Channelling, and
    with it the focused part of the signal, falls with the square of the tilt.
    """
    gradient_y, gradient_x = scan.mistilt.gradient_per_nm
    if gradient_y == 0 and gradient_x == 0:
        return intensity, None
    pixel, (rows, columns) = scan.pixel_size_nm, scan.shape
    tilt_y = gradient_y * (y_px - (rows - 1) / 2) * pixel
    tilt_x = gradient_x * (x_px - (columns - 1) / 2) * pixel
    smear = scan.mistilt.elongation_nm / pixel
    # Beyond a tilt of 2 the column picture has ended; the smear grows no further.
    limit = 2.0 / np.maximum(np.hypot(tilt_y, tilt_x), 2.0)
    dimmed = intensity * np.exp(-(tilt_y**2 + tilt_x**2) * limit**2)
    return dimmed, (smear * tilt_y * limit, smear * tilt_x * limit)
