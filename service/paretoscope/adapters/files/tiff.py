"""TIFF: plain, ImageJ, FEI / Thermo Fisher, DigitalMicrograph exports, OME."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from paretoscope.adapters.files.image_file import ImageSource, PixelSize, as_pixel_size
from paretoscope.adapters.files.plain import to_grey
from paretoscope.adapters.files.units import to_nm, to_us
from paretoscope.errors import BadFile, TooLarge

MOST_PAGES = 100_000
_PRINTER_LIMIT_NM = 100.0
"""A step beyond this comes from a printer's dots per inch, not from a microscope."""


def read_tiff(path: Path) -> ImageSource:
    """Read the first series of a TIFF; pages of equal shape are the frames of a stack."""
    with _counted(path) as tiff:
        series = tiff.series[0]
        page = tiff.pages.first
        shape, axes = tuple(series.shape), series.axes
        if axes.endswith("S"):
            shape, axes = shape[:-1], axes[:-1]
        if len(shape) not in (2, 3):
            text = " x ".join(map(str, shape))
            raise BadFile(
                "not-an-image", hint=f"{path.name} holds {text} ({axes}): export a 2-D image or a stack."
            )
        frames = shape[0] if len(shape) == 3 else 1
        steps = _fei(page) or _dm(page) or _ome(tiff) or _resolution(tiff, page)
        facts = _fei_facts(page)
        raw = None
        if series.dataoffset is not None and not series.axes.endswith("S"):
            raw = (series.dataoffset, np.dtype(tiff.byteorder + series.dtype.char), (frames, *shape[-2:]))
            end = raw[0] + int(np.prod(raw[2])) * raw[1].itemsize
            if end > path.stat().st_size:
                hint = f"{path.name} promises {end} bytes and has {path.stat().st_size}. Copy it again."
                raise BadFile("truncated-file", hint=hint)

    def read(index: int) -> np.ndarray:
        if raw is not None:
            return np.memmap(path, dtype=raw[1], mode="r", offset=raw[0], shape=raw[2])[index]
        with _counted(path) as again:
            pages: Any = again.series[0].pages
            pixels = pages[index].asarray() if len(pages) == frames else again.series[0].asarray()[index]
        return to_grey(pixels) if pixels.ndim == 3 else pixels

    return ImageSource((frames, shape[-2], shape[-1]), read, steps, **facts)


@contextmanager
def _counted(path: Path) -> Iterator[tifffile.TiffFile]:
    """The open file, its pages counted: that walks their chain and sees where it bites its own tail, on
    which a search for series runs for ever."""
    with tifffile.TiffFile(path) as tiff:
        if len(tiff.pages) > MOST_PAGES:
            raise TooLarge(
                "file-too-large",
                hint=f"{path.name} holds {len(tiff.pages)} images; at most {MOST_PAGES} are read. Split it.",
            )
        yield tiff


def _value(page: Any, name: str | int) -> Any:
    tag = page.tags.get(name)
    return None if tag is None else tag.value


def _fei(page: Any) -> PixelSize | None:
    scan = (_value(page, "FEI_HELIOS") or _value(page, "FEI_SFEG") or {}).get("Scan", {})
    if not isinstance(scan, dict):
        return None
    width, height = scan.get("PixelWidth"), scan.get("PixelHeight")
    if not isinstance(width, float) or not isinstance(height, float):
        return None
    return as_pixel_size(to_nm(height, "m"), to_nm(width, "m"))


def _fei_facts(page: Any) -> dict[str, Any]:
    """Dwell time, detector and instrument of a Velox export."""
    text = _value(page, "FEI_TITAN")
    if not isinstance(text, str) or len(text) > 1 << 20 or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return {}
    try:
        root = ElementTree.fromstring(text.strip().strip("\x00"))
    except ElementTree.ParseError:
        return {}
    model = " ".join(filter(None, (root.findtext(".//InstrumentClass"), root.findtext(".//InstrumentModel"))))
    detector = root.findtext(".//BinaryResult/Detector")
    return {
        "dwell_us": to_us(root.findtext(".//ScanSettings/DwellTime")),
        "detector": detector or None,
        "instrument": model or None,
    }


def _dm(page: Any) -> PixelSize | None:
    """DigitalMicrograph's private tags, also written by hyperspy: 65003/4 units, 65009/10 steps (x, y)."""
    unit_x, unit_y = _value(page, 65003), _value(page, 65004)
    x, y = _value(page, 65009), _value(page, 65010)
    if not isinstance(unit_x, str) or not isinstance(x, float) or not isinstance(y, float):
        return None
    unit_y = unit_y if isinstance(unit_y, str) else unit_x
    return as_pixel_size(to_nm(y, unit_y), to_nm(x, unit_x))


def _ome(tiff: tifffile.TiffFile) -> PixelSize | None:
    text = tiff.ome_metadata
    if not text:
        return None
    match = {name: re.search(rf'PhysicalSize{name}="([^"]+)"', text) for name in ("X", "Y", "XUnit", "YUnit")}
    if match["X"] is None or match["Y"] is None:
        return None
    unit_x, unit_y = (found.group(1) if (found := match[name]) else "um" for name in ("XUnit", "YUnit"))
    return as_pixel_size(to_nm(float(match["Y"].group(1)), unit_y), to_nm(float(match["X"].group(1)), unit_x))


def _resolution(tiff: tifffile.TiffFile, page: Any) -> PixelSize | None:
    """Pixels per unit; the unit is ImageJ's, else inch or cm."""
    x, y = _ratio(_value(page, "XResolution")), _ratio(_value(page, "YResolution"))
    if not x or not y:
        return None
    unit = str((tiff.imagej_metadata or {}).get("unit", ""))
    if not unit:
        unit = {2: "inch", 3: "cm"}.get(int(_value(page, "ResolutionUnit") or 1), "")
    size = as_pixel_size(to_nm(1 / y, unit), to_nm(1 / x, unit))
    return size if size is not None and max(size) < _PRINTER_LIMIT_NM else None


def _ratio(value: Any) -> float | None:
    if isinstance(value, tuple) and len(value) == 2 and value[0] and value[1]:
        return value[0] / value[1]
    return None
