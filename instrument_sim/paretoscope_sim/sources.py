"""What stands under the beam: a simulated sample here, recorded files in ``replay``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from paretoscope_sim.imaging import Frame, Scan, render
from paretoscope_sim.imaging.geometry import turn
from paretoscope_sim.imaging.render import FrameTruth
from paretoscope_sim.samples import Sample, make_sample, recipe


@dataclass(frozen=True)
class View:
    """How the instrument looks at the specimen for one image."""

    shape: tuple[int, int]
    """(rows, columns) asked for."""
    field_of_view_nm: float
    """Width of the image."""
    dwell_us: float
    offset_nm: tuple[float, float] = (0.0, 0.0)
    """Middle of the scan field against that of the sample, (y, x) on the sample: stage and beam shift."""
    part_nm: tuple[float, float] = (0.0, 0.0)
    """Middle of the image against the middle of the scan field, along the (slow, fast) scan axes."""
    rotation_deg: float = 0.0
    defocus_nm: float = 0.0
    detector: str = "HAADF"
    gain: float = 1.0
    """Of the detector's amplifier, against its usual setting."""
    beam_on: bool = True


@dataclass(frozen=True)
class Exposure:
    """One image as the detector gives it."""

    image: NDArray
    """(rows, columns) uint16."""
    pixel_size_nm: tuple[float, float] | None
    """(y, x); None where a file does not say."""
    dwell_us: float
    truth: FrameTruth | None = None
    """None for recorded images."""


class Source(Protocol):
    """Gives images; ``index`` counts the frames since the instrument connected, from 0."""

    def expose(self, view: View, index: int) -> Exposure: ...

    def shape(self, view: View, index: int) -> tuple[int, int]:
        """(rows, columns) that this frame will have, known before it is taken."""
        ...


class RowWatch(Protocol):
    """Sees an image while it is being scanned."""

    block: int
    """How many rows it wants at a time."""

    def begun(self, exposure: Exposure, detector: str) -> None: ...

    def rows(self, rows: NDArray) -> None:
        """The next rows, (n, columns)."""
        ...


CONVERGENCE_RAD = 0.025
"""Half angle of the probe: it widens by this times the defocus."""
BRIGHT_FIELD_GAIN = 0.05
"""Amplifiers of bright-field detectors are set lower: they get most of the beam."""


@dataclass
class SampleSource:
    """A simulated sample.

    scan: the conditions; its shape, field of view, dwell and place are overruled by each view.
    """

    sample: Sample
    scan: Scan = field(default_factory=Scan)
    seed: int = 0

    @classmethod
    def named(
        cls, name: str, scan: Scan | None = None, seed: int = 0, span: float = 2.0, **options: Any
    ) -> SampleSource:
        """Make a sample by name, so large that the stage can move ``span`` fields of view in all.

        The special places (holes, patch, walls) lie within the middle field, as in the paper's images.
        """
        conditions = scan or Scan(field_of_view_nm=recipe(name).default_field_nm)
        width = conditions.field_of_view_nm
        height = width * conditions.shape[0] / conditions.shape[1]
        margin = max(2.0, (span - 1.0) / 2.0 * max(width, height))
        made = make_sample(name, field_nm=(height, width), margin_nm=margin, seed=seed, **options)
        return cls(made, conditions, seed)

    def shape(self, view: View, index: int) -> tuple[int, int]:
        return view.shape

    def expose(self, view: View, index: int) -> Exposure:
        frame = self.frame(view, index)
        scan = frame.scan
        return Exposure(frame.image, (scan.pixel_size_nm, scan.pixel_size_nm), view.dwell_us, frame.truth)

    def frame(self, view: View, index: int) -> Frame:
        """Render this view of the sample."""
        height, width = self.sample.field_nm
        blur_nm = CONVERGENCE_RAD * abs(view.defocus_nm)
        probe = replace(self.scan.probe, fwhm_nm=float(np.hypot(self.scan.probe.fwhm_nm, blur_nm)))
        rotation_deg = self.scan.rotation_deg + view.rotation_deg
        part_y, part_x = turn(np.array(view.part_nm[0]), np.array(view.part_nm[1]), -rotation_deg)
        centre = (height / 2 + view.offset_nm[0] + part_y, width / 2 + view.offset_nm[1] + part_x)
        bright_field = view.detector.upper().startswith("BF")
        gain = view.gain * (BRIGHT_FIELD_GAIN if bright_field else 1.0)
        scan = replace(
            self.scan,
            shape=view.shape,
            field_of_view_nm=view.field_of_view_nm,
            dwell_us=view.dwell_us,
            centre_nm=(float(centre[0]), float(centre[1])),
            rotation_deg=rotation_deg,
            probe=probe,
            beam_on=view.beam_on,
            bright_field=bright_field,
            detector=replace(self.scan.detector, gain_counts=self.scan.detector.gain_counts * gain),
        )
        return render(self.sample, scan, self.seed, index)
