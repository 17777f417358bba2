"""Contamination: a smooth, patchy layer that lies on the sample and grows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter, zoom

from paretoscope_sim.imaging.geometry import drift_nm
from paretoscope_sim.imaging.settings import Scan
from paretoscope_sim.samples.truth import Sample
from paretoscope_sim.seeds import stream

WAVES = 24
COARSE_PX = 48
"""The layer is computed on this many points a side and interpolated: it has nothing finer."""


def contamination(
    sample: Sample, scan: Scan, seed: int, frame: int, y_px: NDArray, x_px: NDArray
) -> NDArray[np.float64]:
    """Return the layer's scattering per nm^2 (in Z^1.7), (rows, columns); none over holes and vacuum.

    It belongs to the sample: the same seed shows the same patches from every stage position.
    """
    rows, columns = scan.shape
    dirt = scan.contamination
    amount = dirt.amount * (1.0 + dirt.growth_per_s * frame * scan.frame_time_s)
    if amount <= 0:
        return np.zeros(scan.shape)
    rng = stream(seed, "contamination")
    angle = rng.uniform(0, 2 * np.pi, WAVES)
    wave = 2 * np.pi / (dirt.patch_nm * rng.uniform(0.6, 2.5, WAVES))
    phase = rng.uniform(0, 2 * np.pi, WAVES)
    centre = scan.centre_nm or (sample.field_nm[0] / 2, sample.field_nm[1] / 2)
    moved = drift_nm(scan, seed, frame)
    height = scan.pixel_size_nm * rows
    count = (min(rows, COARSE_PX), min(columns, COARSE_PX))
    slow = np.linspace(-height / 2, height / 2, count[0])[:, None]
    fast = np.linspace(-scan.field_of_view_nm / 2, scan.field_of_view_nm / 2, count[1])[None, :]
    turned = np.deg2rad(scan.rotation_deg)
    y = np.cos(turned) * slow + np.sin(turned) * fast + centre[0] - moved[0]
    x = -np.sin(turned) * slow + np.cos(turned) * fast + centre[1] - moved[1]
    waves = np.zeros(count)
    for k in range(WAVES):
        waves += np.cos(wave[k] * (np.cos(angle[k]) * y + np.sin(angle[k]) * x) + phase[k])
    # Unit variance, then exponentiated: long clean stretches and a few thick patches, mean exp(0.5) removed.
    layer = np.exp(1.2 * waves * np.sqrt(2.0 / WAVES) - 0.72)
    scale = (rows / count[0], columns / count[1])
    fine = np.asarray(zoom(layer, scale, order=3 if min(count) > 3 else 1, mode="nearest"))
    return np.clip(fine, 0.0, None) * amount * 100.0 * _cover(sample, scan, y_px, x_px)


def _cover(sample: Sample, scan: Scan, y_px: NDArray, x_px: NDArray) -> NDArray[np.float64]:
    """Return 1 where there is a sample for dirt to lie on, 0 in holes and vacuum, (rows, columns)."""
    cell = max(1, round(2.0 * sample.bond_nm / scan.pixel_size_nm))
    rows, columns = scan.shape
    count = (-(-rows // cell) + 2, -(-columns // cell) + 2)
    bins = [(np.arange(n + 1) - 1) * cell - 0.5 for n in count]
    columns_per_cell = np.histogram2d(y_px, x_px, bins)[0]
    covered = gaussian_filter((columns_per_cell > 0).astype(float), 0.6, mode="nearest")
    fine = np.asarray(zoom(covered, cell, order=1, mode="nearest", grid_mode=True))
    return np.clip(2.0 * fine[cell : cell + rows, cell : cell + columns] - 0.5, 0.0, 1.0)
