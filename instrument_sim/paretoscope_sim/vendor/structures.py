"""The vendor's structures: what goes into an acquisition and what comes out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paretoscope_sim.vendor.enumerations import DetectorType, ImageSize, RegionType
from paretoscope_sim.vendor.metadata import AdornedImageMetadata


@dataclass
class StagePosition:
    """Metres and radians; b is None on holders that tilt about one axis only."""

    x: float | None = None
    y: float | None = None
    z: float | None = None
    a: float | None = None
    b: float | None = None


@dataclass
class Point:
    x: float = 0.0
    y: float = 0.0


@dataclass
class Rectangle:
    """Fractions 0 to 1 of the whole scan."""

    left: float = 0.0
    top: float = 0.0
    width: float = 1.0
    height: float = 1.0


@dataclass
class Region:
    type: RegionType = RegionType.FULL_FRAME
    rectangle: Rectangle = field(default_factory=Rectangle)


@dataclass
class StemAcquisitionSettings:
    """dwell_time: seconds.  size: pixels a side or an ``ImageSize``."""

    dwell_time: float = 1e-6
    detector_types: list[DetectorType | str] = field(default_factory=lambda: [DetectorType.HAADF])
    size: int | ImageSize = ImageSize.PRESET_512
    region: Region | None = None
    auto_beam_blank: bool = False


@dataclass
class AdornedImage:
    """An image with what the instrument says about it; any part of that may be None."""

    data: NDArray
    """(height, width) uint16."""
    metadata: AdornedImageMetadata | None = None

    @property
    def width(self) -> int:
        return self.data.shape[1]

    @property
    def height(self) -> int:
        return self.data.shape[0]

    @property
    def bit_depth(self) -> int:
        return self.data.dtype.itemsize * 8

    def save(self, path: str | Path) -> None:
        """Write the pixels as TIFF."""
        from paretoscope_sim.output import write_image

        step = self.metadata.binary_result if self.metadata is not None else None
        size = step.pixel_size if step is not None else None
        write_image(Path(path), np.asarray(self.data), None if size is None else size.x * 1e9)
