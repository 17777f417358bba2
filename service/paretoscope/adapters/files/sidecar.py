"""The .json beside an image: field of view or pixel size, as SciLink writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paretoscope.adapters.files.image_file import PixelSize, as_pixel_size
from paretoscope.adapters.files.units import to_nm

_LIMIT_BYTES = 1 << 20


def read_sidecar(path: Path) -> dict[str, Any]:
    """Return the object in `path` with its suffix replaced by .json; {} where there is none to be had."""
    beside = path.with_suffix(".json")
    try:
        if not beside.is_file() or beside.stat().st_size > _LIMIT_BYTES:
            return {}
        found = json.loads(beside.read_text(encoding="utf-8"), parse_int=float)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def sidecar_pixel_size(sidecar: dict[str, Any], shape: tuple[int, int]) -> PixelSize | None:
    """Return (y, x) nm from `pixel_size_nm`, or from `spatial_info` (field of view over pixels)."""
    direct = sidecar.get("pixel_size_nm")
    if isinstance(direct, float):
        return as_pixel_size(direct, direct)
    if isinstance(direct, list) and [type(step) for step in direct] == [float, float]:
        return as_pixel_size(*direct)
    details = sidecar.get("experimental_details")
    spatial = (details if isinstance(details, dict) else sidecar).get("spatial_info")
    if not isinstance(spatial, dict):
        return None
    unit = str(spatial.get("field_of_view_units", "nm"))
    width, height = spatial.get("field_of_view_x"), spatial.get("field_of_view_y")
    width, height = (width or height, height or width)
    if not isinstance(width, float) or not isinstance(height, float):
        return None
    return as_pixel_size(to_nm(height / shape[0], unit), to_nm(width / shape[1], unit))
