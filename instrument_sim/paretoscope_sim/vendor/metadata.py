"""The metadata tree of an image. Any branch may be None, on the real instrument too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree


@dataclass
class PixelSize:
    """Metres per pixel."""

    x: float
    y: float


@dataclass
class BinaryResult:
    pixel_size: PixelSize | None
    detector: str | None
    acquisition_unit: str | None = "Counts"


@dataclass
class Acquisition:
    """Times as ISO text; the zone may be missing."""

    acquisition_id: str | None
    acquisition_start_date_time: str | None
    acquisition_date_time: str | None
    beam_type: str | None = "Electron"


@dataclass
class ScanSize:
    width: int
    height: int


@dataclass
class ScanSettings:
    """Seconds."""

    dwell_time: float | None
    scan_size: ScanSize | None
    frame_time: float | None


@dataclass
class StageSettings:
    stage_position: Any | None


@dataclass
class Instrument:
    instrument_class: str | None
    instrument_id: str | None


@dataclass
class AdornedImageMetadata:
    binary_result: BinaryResult | None
    acquisition: Acquisition | None
    scan_settings: ScanSettings | None
    stage_settings: StageSettings | None
    instrument: Instrument | None

    @property
    def metadata_as_xml(self) -> str:
        """The same tree as XML text."""
        root = ElementTree.Element("Metadata")
        _append(root, self)
        return ElementTree.tostring(root, encoding="unicode")


def _append(parent: ElementTree.Element, branch: Any) -> None:
    for name, value in vars(branch).items():
        if value is None:
            continue
        tag = "".join(part.capitalize() for part in name.split("_"))
        child = ElementTree.SubElement(parent, tag)
        if hasattr(value, "__dict__"):
            _append(child, value)
        else:
            child.text = str(value)
