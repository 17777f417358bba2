"""What an AdornedImage says about itself: pixels and metadata, from the image and never from the request.

Any part of the metadata may be missing; what is missing stays None. Metres become nm, seconds microseconds.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

import numpy as np

from paretoscope.errors import InstrumentError

_DETECTOR_IN_XML = re.compile(r"<(?:\w+:)?Detector(?:\s[^<>]*)?>\s*([^<>]{1,64}?)\s*</")
_LONG_FRACTION = re.compile(r"(\.\d{6})\d+")


@dataclass(frozen=True)
class Scanned:
    """One image as the instrument described it."""

    image: np.ndarray
    """(rows, columns), as the instrument gave it."""
    pixel_size_nm: tuple[float, float] | None
    """(rows, columns)."""
    dwell_us: float | None
    acquired_start: str | None
    """ISO 8601 with zone."""
    acquired_end: str | None
    acquisition_id: str | None
    detector: str | None
    notes: tuple[str, ...] = ()
    """What was missing or had to be assumed."""

    @property
    def identity(self) -> str | None:
        """Differs between any two scans, where the instrument says anything at all."""
        return self.acquisition_id or self.acquired_start or self.acquired_end


def read_adorned(adorned: Any, zone: tzinfo = UTC) -> Scanned:
    """zone: the instrument's own, for times that lack one.

    Raises InstrumentError('no-image') where there are no pixels in two dimensions.
    """
    image = _pixels(adorned)
    notes: list[str] = []
    return Scanned(
        image=image,
        pixel_size_nm=_pixel_size_nm(adorned),
        dwell_us=_scaled(_find(adorned, "metadata.scan_settings.dwell_time"), 1e6),
        acquired_start=_time(_find(adorned, "metadata.acquisition.acquisition_start_date_time"), zone, notes),
        acquired_end=_time(_find(adorned, "metadata.acquisition.acquisition_date_time"), zone, notes),
        acquisition_id=_text(_find(adorned, "metadata.acquisition.acquisition_id"), 128),
        detector=_detector(adorned),
        notes=tuple(dict.fromkeys(notes)),
    )


def _find(adorned: Any, path: str) -> Any:
    """The attribute at the end of `path`, or None where any part of the way is missing."""
    found = adorned
    for name in path.split("."):
        found = getattr(found, name, None)
        if found is None:
            return None
    return found


def _pixels(adorned: Any) -> np.ndarray:
    data = getattr(adorned, "data", None)
    if data is None:
        raise InstrumentError("no-image", hint="The instrument returned no pixels. Is the column valve open?")
    image = np.asarray(data)
    if image.ndim != 2 or 0 in image.shape:
        raise InstrumentError("no-image", hint=f"The instrument returned pixels of shape {image.shape}.")
    width, height = getattr(adorned, "width", None), getattr(adorned, "height", None)
    if width is not None and height is not None and image.shape != (height, width):
        raise InstrumentError(
            "wrong-shape",
            hint=f"The image says {height} rows x {width} columns, its pixels are {image.shape}. Scan again.",
        )
    return image


def _pixel_size_nm(adorned: Any) -> tuple[float, float] | None:
    y_nm, x_nm = (
        _scaled(_find(adorned, f"metadata.binary_result.pixel_size.{axis}"), 1e9) for axis in ("y", "x")
    )
    return None if y_nm is None or x_nm is None else (y_nm, x_nm)


def _scaled(value: Any, factor: float) -> float | None:
    """A positive finite number in other units; None for anything else."""
    try:
        number = float(value) * factor
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 else None


def _text(value: Any, limit: int) -> str | None:
    text = "" if value is None else str(value).strip()
    return text[:limit] or None


def _detector(adorned: Any) -> str | None:
    named = _find(adorned, "metadata.binary_result.detector")
    if named is None:
        xml = _find(adorned, "metadata.metadata_as_xml")
        match = _DETECTOR_IN_XML.search(xml) if isinstance(xml, str) else None
        named = match.group(1) if match else None
    return _text(getattr(named, "name", named), 64)


def _time(value: Any, zone: tzinfo, notes: list[str]) -> str | None:
    """ISO 8601 with zone, to the microsecond."""
    if value is None:
        return None
    try:
        at = value if isinstance(value, datetime) else datetime.fromisoformat(_shortened(str(value)))
    except ValueError:
        notes.append(f"time {str(value)[:40]!r} cannot be read")
        return None
    if at.tzinfo is None:
        notes.append(f"times without zone read as {zone}")
        at = at.replace(tzinfo=zone)
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _shortened(text: str) -> str:
    """.NET writes seven digits of a second; six are read here."""
    return _LONG_FRACTION.sub(r"\1", text.strip())
