"""Does a frame still look like the one that was tuned? A few numbers of both, compared.

None of them changes when the stage moves over a sample that goes on alike: a drifting specimen is tracked.
What each threshold leaves room for is what these numbers vary by from frame to frame on simulated streams.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import KDTree

from paretoscope.contract import Drift, FrameHeader, Signature, Tracking

SAMPLING = 0.005
"""Relative change of the pixel size, or of the shape's sides, that is a change."""
LEVEL, NOISE = 1.25, 1.25
"""Ratio of mean counts, and of the noise in counts. Half the dose halves the first (but for the detector's
offset) and takes the second to 0.71."""
RESPONSE, WIDTH = 1.3, 1.2
"""Ratio of the mean response in counts, and of the atoms' mean width: contrast, focus."""
NEIGHBOUR = 0.04
"""Relative change of the median distance between neighbours."""
BONDS = 0.25
"""Change of the mean direction vectors (length up to 1): a lattice turned by 4 degrees, another symmetry."""
CLOSE = 0.05
"""Rise of the share of atoms too near to another."""
COVERED = 0.12
"""Change of the share of the frame that has atoms: a hole or an edge came into view, or went."""
MORE, FEWER = 0.1, 0.05
"""Share by which the number of atoms may rise, and fall, before it is told."""


@dataclass(frozen=True)
class Pixels:
    """What an image's pixels say by themselves, in detector counts."""

    level: float
    """Their mean."""
    noise: float
    """What differs from pixel to pixel beyond anything smooth."""
    span: float
    """Counts from 0 to 1 of the unit image."""


def pixels_of(image: npt.NDArray, span: float) -> Pixels:
    """image: (rows, columns), any real dtype.  span: see `Pixels.span`.

    The noise is Immerkaer's estimate (Comput. Vis. Image Underst. 64, 300, 1996), the mean absolute value
    under a mask that planes do not pass, here on every third row.
    """
    plane = np.asarray(image)
    plane = plane[..., 0] if plane.ndim == 3 else plane  # a grey picture saved as RGB
    trios = np.asarray(plane[: len(plane) // 3 * 3], dtype=np.float32).reshape(-1, 3, plane.shape[1])
    down = trios[:, 0] - 2.0 * trios[:, 1] + trios[:, 2]
    both = down[:, :-2] - 2.0 * down[:, 1:-1] + down[:, 2:]
    return Pixels(
        level=float(plane.mean(dtype=np.float64)),
        noise=float(np.abs(both).mean()) * math.sqrt(math.pi / 2) / 6.0,
        span=span,
    )


def signature(
    pixels: Pixels,
    y_px: npt.NDArray,
    x_px: npt.NDArray,
    response: npt.NDArray,
    width_px: npt.NDArray,
    counted: npt.NDArray[np.bool_],
    shape: tuple[int, int],
    neighbour_px: float,
    minimum_distance_px: float,
) -> Signature:
    """What to remember of a frame and its atoms, (N,) each.

    counted: which atoms lie where they are counted.  neighbour_px, minimum_distance_px: as expected.
    """
    points = np.stack([y_px, x_px], axis=1).astype(np.float64)
    found = int(np.count_nonzero(counted))
    nearest, close, bonds = 0.0, 0.0, [0.0] * 4
    if len(points) > 1:
        gap, other = KDTree(points).query(points, k=2)
        way = points[np.asarray(other)[:, 1]] - points
        angle = np.arctan2(way[:, 0], way[:, 1])
        four, six = np.exp(4j * angle).mean(), np.exp(6j * angle).mean()
        bonds = [float(one) for one in (four.real, four.imag, six.real, six.imag)]
        gap = np.asarray(gap)[:, 1]
        nearest = float(np.median(gap))
        close = float(np.mean(gap < minimum_distance_px))
    return Signature(
        level=pixels.level,
        noise=pixels.noise,
        span=pixels.span,
        found=found,
        response=float(np.mean(response)) * pixels.span if len(response) else 0.0,
        width_px=float(np.mean(width_px)) if len(width_px) else 0.0,
        neighbour_px=nearest,
        close=close,
        covered=_covered(points, shape, 2.0 * neighbour_px),
        bonds=bonds,
    )


def _covered(points: npt.NDArray[np.float64], shape: tuple[int, int], square_px: float) -> float:
    """Share of squares of about that side with an atom in them."""
    rows, columns = (max(1, round(side / square_px)) for side in shape)
    row = ((points[:, 0] + 0.5) * rows / shape[0]).astype(np.intp).clip(0, rows - 1)
    column = ((points[:, 1] + 0.5) * columns / shape[1]).astype(np.intp).clip(0, columns - 1)
    return len(np.unique(row * columns + column)) / (rows * columns)


def before_detection(tuned: Tracking, header: FrameHeader, pixels: Pixels) -> list[Drift]:
    """What header and pixels tell already."""
    then, drift = tuned.signature, list[Drift]()
    if header.epoch != tuned.epoch or header.sequence < tuned.sequence:
        drift.append("restart")
    if header.shape != tuned.expected.shape:
        drift.append("shape")
    if not _same_pixels(header.pixel_size_nm, tuned.pixel_size_nm):
        drift.append("sampling")
    if header.detector != tuned.detector:
        drift.append("detector")
    doses = header.dose_pc_per_nm2, tuned.dose_pc_per_nm2
    other_dose = doses[0] is not None and doses[1] is not None and _apart(doses[0], doses[1], LEVEL)
    if other_dose or _apart(pixels.level, then.level, LEVEL) or _apart(pixels.noise, then.noise, NOISE):
        drift.append("dose")
    return drift


def after_detection(then: Signature, now: Signature) -> list[Drift]:
    """What the atoms tell; a fall of their number alone is no reason, see `atoms_falling`."""
    drift = list[Drift]()
    if _apart(now.response, then.response, RESPONSE) or _apart(now.width_px, then.width_px, WIDTH):
        drift.append("contrast")
    turned = np.abs(np.subtract(now.bonds, then.bonds)).max()
    stretched = abs(now.neighbour_px - then.neighbour_px) > NEIGHBOUR * then.neighbour_px
    more = now.found > (1.0 + MORE) * then.found + 2.0 * math.sqrt(then.found)
    crowded = now.close > then.close + CLOSE
    if turned > BONDS or stretched or more or crowded or abs(now.covered - then.covered) > COVERED:
        drift.append("structure")
    return drift


def atoms_falling(then: Signature, now: Signature) -> bool:
    """Fewer atoms than there were, by more than a detection varies: knocked out by the beam, perhaps."""
    return now.found < then.found - max(FEWER * then.found, 2.0 * math.sqrt(then.found))


def _same_pixels(one: tuple[float, float] | None, other: tuple[float, float] | None) -> bool:
    if one is None or other is None:
        return one is other
    return all(abs(a - b) <= SAMPLING * b for a, b in zip(one, other, strict=True))


def _apart(one: float, other: float, ratio: float) -> bool:
    low, high = sorted((abs(one), abs(other)))
    return high > ratio * low
