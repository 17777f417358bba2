"""Any microscope image to float32 in [0, 1]: the one place where pixels are judged."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from paretoscope.errors import BadFrame

Image = npt.NDArray[np.float32]
"""(rows, columns) float32 in [0, 1]."""

AT_ONCE = 1 << 15
"""Pixels that are in double precision together: they stay in the processor's cache."""

SMALLEST_SIDE_PX = 4
"""An image with a shorter side holds no atom together with its surroundings."""


def to_unit(image: npt.ArrayLike) -> Image:
    """Scale an image so that its darkest pixel is 0 and its brightest 1.

    image: (rows, columns), any real dtype, byte order and strides; (rows, columns, 3 or 4) is taken where the
    three colour channels are equal (a grey picture saved as RGB; the fourth, alpha, is ignored).
    Returns a new (rows, columns) float32 array, C-contiguous.

    Raises BadFrame with code bad-image-type, bad-image-shape, too-small, not-finite or constant-image.
    """
    raw = np.asarray(image)
    _check_type(raw)
    plane = _one_plane(raw)
    if min(plane.shape) < SMALLEST_SIDE_PX:
        raise BadFrame(
            "too-small",
            hint=f"The image is {plane.shape[0]} x {plane.shape[1]} pixels (rows x columns); send at least "
            f"{SMALLEST_SIDE_PX} x {SMALLEST_SIDE_PX}.",
        )
    low, high = float(plane.min()), float(plane.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        with np.errstate(over="ignore"):
            bad = int(np.count_nonzero(~np.isfinite(plane.astype(np.float64))))
        raise BadFrame(
            "not-finite",
            hint=f"{bad} of {plane.size} pixels are NaN or infinite. Fill or mask them before sending, "
            "and check that the scan was complete.",
        )
    if low == high:
        raise BadFrame(
            "constant-image",
            hint=f"Every pixel is {low:g}. Check that the beam was not blanked and the detector is inserted.",
        )
    # The span of values near the largest float would overflow.
    quarter = 4.0 if high / 2 - low / 2 > np.finfo(np.float64).max / 4 else 1.0
    low, high = low / quarter, high / quarter
    unit = np.empty(plane.shape, dtype=np.float32)
    rows = max(1, AT_ONCE // plane.shape[1])
    for first in range(0, len(plane), rows):
        values = plane[first : first + rows].astype(np.float64)
        if quarter != 1.0:
            values /= quarter
        values -= low
        values /= high - low
        unit[first : first + rows] = values
    return unit


def _check_type(raw: np.ndarray) -> None:
    if raw.dtype.kind not in "iuf":
        raise BadFrame(
            "bad-image-type",
            hint=f"Pixels are of type {raw.dtype}; send a real number per pixel (an integer or float dtype"
            + ("; of a complex image take the modulus)." if raw.dtype.kind == "c" else ")."),
        )


def _one_plane(raw: np.ndarray) -> np.ndarray:
    if raw.ndim == 2 and raw.size > 0:
        return raw
    if raw.ndim == 3 and raw.shape[2] in (3, 4) and raw.size > 0:
        first = raw[..., 0]
        if np.array_equal(first, raw[..., 1]) and np.array_equal(first, raw[..., 2]):
            return first
        raise BadFrame(
            "bad-image-shape",
            hint="The image has colour channels that differ; send one intensity per pixel (rows, columns).",
        )
    raise BadFrame(
        "bad-image-shape",
        hint=f"The image has shape {raw.shape}; send one two-dimensional image (rows, columns). "
        "A stack or movie goes frame by frame.",
    )
