"""Everything that shapes an image, as a microscopist would write it down."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

from paretoscope.errors import BadParameters
from paretoscope_sim.clock import frame_time_s

ELECTRONS_PER_PA_US = 6.241509
"""One picoampere for one microsecond, in electrons."""

FWHM_PER_SIGMA = 2.354820045
"""Full width at half maximum of a Gaussian, in standard deviations."""


@dataclass(frozen=True)
class Probe:
    """The electron probe: a Gaussian core, widened by the source's image, and optional wide tails."""

    fwhm_nm: float = 0.085
    source_fwhm_nm: float = 0.06
    tail_share: float = 0.15
    """Share of the electrons in the tails, 0 to 1."""
    tail_fwhm_nm: float = 0.30

    @property
    def sigma_nm(self) -> float:
        """Standard deviation of core and source together."""
        return sqrt(self.fwhm_nm**2 + self.source_fwhm_nm**2) / FWHM_PER_SIGMA


@dataclass(frozen=True)
class Detector:
    """An annular dark-field detector: counts = offset + gain x electrons + noise, cut at full scale."""

    gain_counts: float = 20.0
    """Per electron detected."""
    offset_counts: float = 800.0
    readout_counts: float = 12.0
    """Standard deviation of the electronic noise."""
    full_scale_counts: int = 65535
    cross_section_nm2: float = 1.0e-6
    """Area by which one atom of Z = 1 scatters onto the detector; an atom has Z^1.7 times that."""


@dataclass(frozen=True)
class ScanNoise:
    """What the scan coils get wrong."""

    row_jitter_nm: float = 0.004
    """Standard deviation of each row's shift along the fast axis."""
    line_jitter_nm: float = 0.002
    """The same along the slow axis."""
    flyback_nm: float = 0.05
    """How far the beam lags behind at the first column; falls off along the row."""
    flyback_us: float = 60.0
    """Time in which the lag falls to 1/e."""
    first_lines_nm: float = 0.04
    """How far the first line is off along the slow axis; falls off within a few lines."""


@dataclass(frozen=True)
class Drift:
    """The specimen moving under the beam, within a frame and from frame to frame."""

    velocity_nm_per_s: tuple[float, float] = (0.002, -0.003)
    """(y, x)."""
    walk_nm: float = 0.01
    """Standard deviation of the random step from one frame to the next, along each axis."""


@dataclass(frozen=True)
class Contamination:
    """Hydrocarbon on the sheet: smooth, patchy, growing."""

    amount: float = 3.0
    """Mean scattering per area at the first frame, Z^1.7 per 0.01 nm^2; graphene itself has 8."""
    growth_per_s: float = 0.02
    """Share of the amount added each second."""
    patch_nm: float = 5.0
    """Size of the patches."""


@dataclass(frozen=True)
class Mistilt:
    """The crystal bending away from the zone axis over the field."""

    gradient_per_nm: tuple[float, float] = (0.0, 0.0)
    """Tilt gained per nm along (y, x), in units at which a column has lost 1/e of its intensity."""
    elongation_nm: float = 0.03
    """By how much a column tilted by 1 smears, standard deviation along the tilt."""


@dataclass(frozen=True)
class Damage:
    """Knock-on damage: atoms leave, holes grow, dopants wander. Dose is counted in electrons per nm^2."""

    per_frame: float = 0.0
    """Chance that an undisturbed atom leaves during one frame at this scan's own dose."""
    at_edges: float = 30.0
    """How many times likelier it is next to a missing atom."""
    dopant_jumps_per_frame: float = 0.0
    """How often each dopant changes places with a neighbour, per frame."""


@dataclass(frozen=True)
class Scan:
    """One image's geometry and conditions."""

    shape: tuple[int, int] = (512, 512)
    """(rows, columns)."""
    field_of_view_nm: float = 16.0
    """Width of the image; pixels are square."""
    dwell_us: float = 32.0
    current_pa: float = 30.0
    centre_nm: tuple[float, float] | None = None
    """Where on the sample the image's middle is, (y, x); None is the middle of the sample's field."""
    rotation_deg: float = 0.0
    """Direction of the fast scan axis on the sample."""
    probe: Probe = field(default_factory=Probe)
    detector: Detector = field(default_factory=Detector)
    noise: ScanNoise = field(default_factory=ScanNoise)
    drift: Drift = field(default_factory=Drift)
    contamination: Contamination = field(default_factory=Contamination)
    mistilt: Mistilt = field(default_factory=Mistilt)
    damage: Damage = field(default_factory=Damage)
    beam_on: bool = True
    """False: the blanker is in or the valves are closed; only the detector's offset and noise remain."""
    bright_field: bool = False
    """True: the unscattered beam's detector instead, on which atoms are dark."""

    def __post_init__(self) -> None:
        rows, columns = self.shape
        if not (1 <= rows <= 16384 and 1 <= columns <= 16384):
            raise BadParameters("bad-scan-shape", hint=f"A scan of {rows} x {columns}: give 1 to 16384 each.")
        for name in ("field_of_view_nm", "dwell_us", "current_pa"):
            if not getattr(self, name) > 0:
                raise BadParameters("bad-scan", hint=f"{name} is {getattr(self, name)}; it must be above 0.")

    @property
    def pixel_size_nm(self) -> float:
        return self.field_of_view_nm / self.shape[1]

    @property
    def electrons_per_pixel(self) -> float:
        return self.current_pa * self.dwell_us * ELECTRONS_PER_PA_US

    @property
    def frame_time_s(self) -> float:
        return frame_time_s(self.shape, self.dwell_us)


def ideal(scan: Scan) -> Scan:
    """Return the same scan on a perfect instrument: no noise of the scan, no drift, no dirt, no damage."""
    from dataclasses import replace

    return replace(
        scan,
        noise=ScanNoise(0.0, 0.0, 0.0, 60.0, 0.0),
        drift=Drift((0.0, 0.0), 0.0),
        contamination=Contamination(0.0, 0.0),
        mistilt=Mistilt(),
        damage=Damage(),
    )
