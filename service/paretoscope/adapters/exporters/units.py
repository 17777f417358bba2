"""Which unit a column is in: its name says."""

from __future__ import annotations

_ENDINGS = ("px", "nm", "us", "ms", "s")
_SIGMAS = ("sigma_min", "sigma_max")
"""Parameters of ``skimage.feature.blob_log``, which names them so and counts in px."""


def unit_of(name: str) -> str:
    """'y_nm' -> 'nm', 'sigma_px' -> 'px', 'sigma_min' -> 'px', 'score' -> '' (a bare number)."""
    if name in _SIGMAS:
        return "px"
    ending = name.rpartition("_")[2]
    return ending if ending in _ENDINGS and ending != name else ""
