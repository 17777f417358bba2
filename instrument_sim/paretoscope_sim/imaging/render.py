"""One frame: where the atoms are, what the probe sees, what the detector writes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from paretoscope_sim.imaging.background import contamination
from paretoscope_sim.imaging.damage import damaged
from paretoscope_sim.imaging.geometry import imaged_places, jitter_px
from paretoscope_sim.imaging.mistilt import tilted
from paretoscope_sim.imaging.settings import FWHM_PER_SIGMA, Scan
from paretoscope_sim.imaging.spots import paint_spots
from paretoscope_sim.samples.truth import Sample
from paretoscope_sim.seeds import stream

BRIGHT_FIELD_SHARE = 0.3
"""Share of the unscattered beam that the small bright-field disc takes in; atoms dim it, about three
times as strongly as they light up the dark field. Contrast for telling detectors apart, not for physics."""


@dataclass(frozen=True)
class FrameTruth:
    """Every column of the sample as this frame shows it; arrays of equal length."""

    y_px: NDArray[np.float64]
    x_px: NDArray[np.float64]
    """Where it is imaged, with drift and flyback; the centre of the first pixel is (0, 0)."""
    in_frame: NDArray[np.bool_]
    """Whether its centre falls on a pixel."""
    sample: Sample
    """The columns themselves at the time of this frame, after the damage."""

    def __len__(self) -> int:
        return len(self.y_px)

    def visible(self) -> FrameTruth:
        """Return the columns in the frame only."""
        index = self.in_frame
        return FrameTruth(self.y_px[index], self.x_px[index], index[index], self.sample.take(index))


@dataclass(frozen=True)
class Frame:
    """An image and the truth about it."""

    image: NDArray[np.uint16]
    """(rows, columns), detector counts."""
    truth: FrameTruth
    scan: Scan
    seed: int
    index: int
    """Which frame of the movie, 0, 1, ..."""


def render(sample: Sample, scan: Scan, seed: int = 0, frame: int = 0) -> Frame:
    """Take one image of a sample. The same arguments give the same bytes, in any order of frames."""
    now = damaged(sample, scan, seed, frame)
    y_px, x_px = imaged_places(now, scan, seed, frame)
    rows, columns = scan.shape
    # A centre belongs to the frame when it rounds to one of its pixels.
    in_frame = (y_px >= -0.5) & (y_px < rows - 0.5) & (x_px >= -0.5) & (x_px < columns - 0.5)
    truth = FrameTruth(y_px, x_px, in_frame, now)
    share = scattered_share(now, scan, seed, frame, y_px, x_px)
    return Frame(detect(share, scan, seed, frame), truth, scan, seed, frame)


def scattered_share(
    sample: Sample, scan: Scan, seed: int, frame: int, y_px: NDArray, x_px: NDArray
) -> NDArray[np.float64]:
    """Return which share of the beam's electrons reaches the detector at each pixel, (rows, columns)."""
    if not scan.beam_on:
        return np.zeros(scan.shape)
    probe, pixel = scan.probe, scan.pixel_size_nm
    sigma_px = np.hypot(probe.sigma_nm, sample.spread_nm) / pixel
    amount, stretch = tilted(sample.intensity, y_px, x_px, scan)
    spots = paint_spots(scan.shape, y_px, x_px, amount, sigma_px, stretch, jitter_px(scan, seed, frame))
    if probe.tail_share > 0:
        # Wide tails are the same spots blurred further; too wide to show the rows' jitter.
        tail_px = probe.tail_fwhm_nm / FWHM_PER_SIGMA / pixel
        tails = gaussian_filter(
            spots, np.sqrt(max(tail_px**2 - sigma_px**2, 0.0)), mode="reflect", truncate=3.0
        )
        spots = (1.0 - probe.tail_share) * spots + probe.tail_share * tails
    per_nm2 = spots / pixel**2 + contamination(sample, scan, seed, frame, y_px, x_px)
    # Never more than the whole beam: a heavy, thick sample saturates softly.
    dark_field = -np.expm1(-scan.detector.cross_section_nm2 * per_nm2)
    return BRIGHT_FIELD_SHARE * (1.0 - dark_field) ** 3 if scan.bright_field else dark_field


def detect(share: NDArray[np.float64], scan: Scan, seed: int, frame: int) -> NDArray[np.uint16]:
    """Count electrons (Poisson) and write them as the detector does."""
    detector = scan.detector
    electrons = stream(seed, "shot noise", frame).poisson(scan.electrons_per_pixel * share)
    readout = stream(seed, "readout", frame).normal(0.0, detector.readout_counts, scan.shape)
    counts = detector.offset_counts + detector.gain_counts * electrons + readout
    return np.clip(np.rint(counts), 0, min(detector.full_scale_counts, 65535)).astype(np.uint16)
