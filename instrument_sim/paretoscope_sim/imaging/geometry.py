"""From places on the sample to places in the image, with everything that moves them."""

from __future__ import annotations

from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray

from paretoscope_sim.imaging.settings import Scan
from paretoscope_sim.samples.truth import Sample
from paretoscope_sim.seeds import stream

Columns = NDArray[np.float64]


def turn(y: Columns, x: Columns, angle_deg: float) -> tuple[Columns, Columns]:
    """Express sample vectors along a scan's (slow, fast) axes."""
    c, s = cos(radians(angle_deg)), sin(radians(angle_deg))
    return c * y - s * x, s * y + c * x


def drift_nm(scan: Scan, seed: int, frame: int) -> tuple[float, float]:
    """Return how far the specimen has moved when this frame starts, (y, x) on the sample."""
    elapsed_s = frame * scan.frame_time_s
    steps = stream(seed, "drift").normal(0.0, 1.0, (frame, 2)).sum(axis=0) * scan.drift.walk_nm
    velocity = scan.drift.velocity_nm_per_s
    return float(velocity[0] * elapsed_s + steps[0]), float(velocity[1] * elapsed_s + steps[1])


def imaged_places(sample: Sample, scan: Scan, seed: int, frame: int) -> tuple[Columns, Columns]:
    """Return where each column is imaged, (y_px, x_px), with drift and flyback, without the random jitter.

    The centre of the first pixel is (0, 0).
    """
    height, width = sample.field_nm
    centre = scan.centre_nm or (height / 2, width / 2)
    moved = drift_nm(scan, seed, frame)
    y, x = turn(sample.y_nm + moved[0] - centre[0], sample.x_nm + moved[1] - centre[1], scan.rotation_deg)
    pixel = scan.pixel_size_nm
    rows, columns = scan.shape
    y_px, x_px = y / pixel + (rows - 1) / 2, x / pixel + (columns - 1) / 2
    # While the rows are scanned the specimen goes on moving: row r sees it moved by r more line times.
    line_s = scan.frame_time_s / rows
    velocity_y, velocity_x = map(np.asarray, scan.drift.velocity_nm_per_s)
    slow, fast = turn(velocity_y, velocity_x, scan.rotation_deg)
    y_px = y_px / (1.0 - slow * line_s / pixel)
    x_px = x_px + np.clip(y_px, 0, rows) * fast * line_s / pixel
    # The beam stands at column - lag: what lies at x is recorded where column - lag(column) = x.
    lag_y, lag_x = first_lines_px(scan), flyback_px(scan)
    y_px = y_px + np.interp(y_px, np.arange(rows) - lag_y, lag_y)
    x_px = x_px + np.interp(x_px, np.arange(columns) - lag_x, lag_x)
    return y_px, x_px


def flyback_px(scan: Scan) -> Columns:
    """Return how far the beam lags behind each column, pixels, (columns,)."""
    per_pixel = np.exp(-np.arange(scan.shape[1]) * scan.dwell_us / scan.noise.flyback_us)
    return scan.noise.flyback_nm / scan.pixel_size_nm * per_pixel


def first_lines_px(scan: Scan) -> Columns:
    """Return how far the beam lags behind each line, pixels, (rows,)."""
    return scan.noise.first_lines_nm / scan.pixel_size_nm * np.exp(-np.arange(scan.shape[0]) / 3.0)


def jitter_px(scan: Scan, seed: int, frame: int) -> tuple[Columns, Columns]:
    """Return each row's random shift along (slow, fast), pixels, two arrays of (rows,)."""
    rng = stream(seed, "jitter", frame)
    rows, pixel = scan.shape[0], scan.pixel_size_nm
    slow = rng.normal(0.0, scan.noise.line_jitter_nm / pixel, rows)
    return slow, rng.normal(0.0, scan.noise.row_jitter_nm / pixel, rows)
