"""Images as a high-angle annular dark-field detector takes them."""

from paretoscope_sim.imaging.render import Frame, FrameTruth, render
from paretoscope_sim.imaging.settings import (
    Contamination,
    Damage,
    Detector,
    Drift,
    Mistilt,
    Probe,
    Scan,
    ScanNoise,
    ideal,
)

__all__ = [
    "Contamination", "Damage", "Detector", "Drift", "Frame", "FrameTruth", "Mistilt", "Probe", "Scan",
    "ScanNoise", "ideal", "render",
]  # fmt: skip
