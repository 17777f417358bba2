"""SrTiO3 seen along [001]: bright Sr columns at the corners, Ti-O columns in the middle of a square cell."""

from __future__ import annotations

import numpy as np

from paretoscope_sim.samples.crystal import cell_vectors, tile
from paretoscope_sim.samples.elements import effective_atoms, scattering
from paretoscope_sim.samples.registry import sample
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.samples.vacancies import mark_neighbours
from paretoscope_sim.seeds import stream

A_NM = 0.3905
"""Cubic cell of SrTiO3 at room temperature."""
THICK_SPREAD_NM = 0.045
"""Thermal motion and the beam's broadening in some 20 nm of oxide."""


@sample("SrTiO3", field_nm=10.0)
def strontium_titanate(
    field_nm: tuple[float, float],
    margin_nm: float,
    rotation_deg: float,
    seed: int,
    *,
    thickness_nm: float = 20.0,
    a_site_vacancies: float = 0.0,
) -> Sample:
    """SrTiO3 [001], a thick perovskite: Sr and Ti-O columns, optional Sr vacancies.

    a_site_vacancies: fraction of Sr columns that have lost half their atoms near the entrance surface.
    """
    sites = tile(cell_vectors(A_NM, A_NM, 90.0, rotation_deg), [(0.0, 0.0), (0.5, 0.5)], field_nm, margin_nm)
    depth = effective_atoms(thickness_nm, A_NM)
    strontium, titanium_oxygen = scattering("Sr", depth), scattering("Ti", depth) + scattering("O", depth)
    is_strontium = sites.basis == 0
    rng = stream(seed, "SrTiO3")
    missing = is_strontium & (rng.random(len(sites)) < a_site_vacancies)
    made = Sample.of(
        "SrTiO3",
        field_nm,
        A_NM / np.sqrt(2),
        sites.y_nm,
        sites.x_nm,
        np.where(is_strontium, "Sr", "Ti"),
        spread_nm=THICK_SPREAD_NM,
        intensity=np.where(is_strontium, strontium, titanium_oxygen) * np.where(missing, 0.5, 1.0),
        tag=np.where(missing, Tag.VACANCY_NEIGHBOUR, Tag.PERFECT),
    )
    return mark_neighbours(made, made.y_nm[missing], made.x_nm[missing])
