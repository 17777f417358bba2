"""MoS2 seen from above: a honeycomb of Mo atoms and of columns of two S atoms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial import KDTree

from paretoscope_sim.samples.crystal import cell_vectors, tile
from paretoscope_sim.samples.elements import scattering
from paretoscope_sim.samples.registry import sample
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.samples.vacancies import in_blob, mark_neighbours, scattered_sites
from paretoscope_sim.seeds import stream

A_NM = 0.316
"""Hexagonal cell of the 2H monolayer."""


@sample("MoS2", field_nm=9.0)
def molybdenum_disulphide(
    field_nm: tuple[float, float],
    margin_nm: float,
    rotation_deg: float,
    seed: int,
    *,
    single_vacancies: int = 10,
    double_vacancies: int = 3,
    dopants: int = 6,
    holes: int = 0,
    hole_radius_nm: float = 0.6,
) -> Sample:
    """MoS2 monolayer: Mo and S2 columns, S vacancies (one or both atoms), V dopants on Mo, small holes.

    single_vacancies, double_vacancies: S2 columns that lack one or both of their atoms.
    """
    rng = stream(seed, "MoS2")
    sites = tile(
        cell_vectors(A_NM, A_NM, 60.0, rotation_deg), [(0.0, 0.0), (1 / 3, 1 / 3)], field_nm, margin_nm
    )
    metal = sites.basis == 0
    sheet = Sample.of(
        "MoS2",
        field_nm,
        A_NM / np.sqrt(3.0),
        sites.y_nm,
        sites.x_nm,
        np.where(metal, "Mo", "S2"),
        intensity=np.where(metal, scattering("Mo"), scattering("S", 2)),
        fragile=np.where(metal, 0, 2),
    )
    for _ in range(holes):
        centre = rng.uniform((hole_radius_nm, hole_radius_nm), np.array(field_nm) - hole_radius_nm)
        sheet = _with_hole(sheet, centre, hole_radius_nm, rng)
    plain = sheet.inside() & (sheet.tag == Tag.PERFECT)
    sulphur = ((sheet.species == "S2") & plain).nonzero()[0]
    lost = scattered_sites(
        rng, sulphur, sheet.y_nm, sheet.x_nm, single_vacancies + double_vacancies, 1.5 * A_NM
    )
    one, both = lost[:single_vacancies], lost[single_vacancies:]
    plain[lost] = False
    foreign = scattered_sites(
        rng, ((sheet.species == "Mo") & plain).nonzero()[0], sheet.y_nm, sheet.x_nm, dopants, 1.5 * A_NM
    )
    species, intensity = sheet.species.copy(), sheet.intensity.copy()
    tag, fragile = sheet.tag.copy(), sheet.fragile.copy()
    species[one], intensity[one], tag[one], fragile[one] = "S", scattering("S"), Tag.VACANCY_NEIGHBOUR, 1
    species[foreign], intensity[foreign], tag[foreign] = "V", scattering("V"), Tag.DOPANT
    changed = replace(sheet, species=species, intensity=intensity, tag=tag, fragile=fragile)
    kept = np.ones(len(sheet), bool)
    kept[both] = False
    return mark_neighbours(changed.take(kept), sheet.y_nm[lost], sheet.x_nm[lost])


def _with_hole(sheet: Sample, centre_nm, radius_nm: float, rng: np.random.Generator) -> Sample:
    """Cut a hole; its rim is what has lost neighbours."""
    places = np.column_stack([sheet.y_nm, sheet.x_nm])
    gone = in_blob(places, centre_nm, radius_nm, rng.uniform(0, 2 * np.pi, 3))
    kept = sheet.take(~gone)
    if not gone.any():
        return kept
    rim = KDTree(places[gone]).query(places[~gone])[0] < 1.25 * sheet.bond_nm
    return replace(kept, tag=np.where(rim, np.maximum(kept.tag, Tag.EDGE), kept.tag).astype(np.uint8))
