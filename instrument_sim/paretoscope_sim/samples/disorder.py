"""Places without a lattice: never closer than a hard core, otherwise random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.samples.vacancies import in_blob


def hard_core(
    rng: np.random.Generator, size_nm: tuple[float, float], apart_nm: float, fill: float
) -> NDArray[np.float64]:
    """Return random places, (n, 2) nm, within (0, 0) to size, none closer than ``apart_nm``.

    fill: 0 to 1, share of the places that random sequential addition can take before it jams.
    """
    height, width = size_nm
    # Random sequential addition of discs jams at a coverage of 0.547 (Feder, J. Theor. Biol. 87, 237 (1980)).
    jammed = 0.547 * height * width / (np.pi * apart_nm**2 / 4)
    target = round(min(fill, 0.97) * jammed)
    places = np.empty((0, 2))
    for _ in range(200):
        if len(places) >= target:
            break
        trial = rng.uniform((0.0, 0.0), size_nm, (max(2 * target, 64), 2))
        if len(places):
            trial = trial[KDTree(places).query(trial, distance_upper_bound=apart_nm)[0] == np.inf]
        # Of each pair of trials that collide the later one goes, so the first comers all stay.
        alive = np.ones(len(trial), bool)
        close = KDTree(trial).query_pairs(apart_nm, output_type="ndarray")
        for first, second in close[np.lexsort((close[:, 1], close[:, 0]))].tolist():
            if alive[first]:
                alive[second] = False
        places = np.concatenate([places, trial[alive]])
    return places[:target]


def amorphous_patch(
    sample: Sample, place_nm: tuple[float, float], radius_nm: float, species: str, rng: np.random.Generator
) -> Sample:
    """Replace a roundish part of a sheet by disordered matter, denser than the sheet."""
    places, centre = np.column_stack([sample.y_nm, sample.x_nm]), np.asarray(place_nm)
    outside = ~in_blob(places, centre, radius_nm, shape := rng.uniform(0, 2 * np.pi, 3))
    kept = sample.take(outside)
    side = 3.2 * radius_nm
    drop = hard_core(rng, (side, side), 0.8 * sample.bond_nm, 0.9) - side / 2 + centre
    drop = drop[in_blob(drop, centre, radius_nm, shape)]
    # What touches the sheet's atoms would be inside them.
    gap = KDTree(places[outside]).query(drop)[0] if outside.any() else np.full(len(drop), np.inf)
    drop = drop[gap > 0.7 * sample.bond_nm]
    rim = np.zeros(len(kept), bool)
    if len(drop):
        rim = KDTree(drop).query(places[outside])[0] < 1.2 * sample.bond_nm
    kept = replace(kept, tag=np.where(rim, np.maximum(kept.tag, Tag.EDGE), kept.tag).astype(np.uint8))
    patch = Sample.of(
        sample.name,
        sample.field_nm,
        sample.bond_nm,
        drop[:, 0],
        drop[:, 1],
        species,
        tag=Tag.AMORPHOUS,
        domain=-1,
        fragile=1,
    )
    # A contaminating patch is several atoms thick: brighter spots, unevenly so.
    return kept.join(replace(patch, intensity=patch.intensity * rng.uniform(1.0, 2.5, len(patch))))
