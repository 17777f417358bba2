"""Heavy single atoms on an amorphous support: few bright specks on a strong, uneven background."""

from __future__ import annotations

import numpy as np

from paretoscope.errors import BadParameters
from paretoscope_sim.samples.disorder import hard_core
from paretoscope_sim.samples.elements import ATOMIC_NUMBER, scattering
from paretoscope_sim.samples.registry import sample
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.seeds import stream

SUPPORT_PER_NM2 = 150.0
"""Points that stand for the support; each is a stack of atoms with a random number in it."""


@sample("single-atoms", field_nm=12.0)
def single_atoms(
    field_nm: tuple[float, float],
    margin_nm: float,
    rotation_deg: float,
    seed: int,
    *,
    species: str = "Pt",
    per_nm2: float = 0.4,
    apart_nm: float = 0.35,
    paired: float = 0.2,
    support_nm: float = 5.0,
    vacuum: float = 0.0,
) -> Sample:
    """Single heavy atoms on amorphous carbon, some of them in pairs; part of the field may be vacuum.

    species: of the single atoms, all others are the support's C.  per_nm2: single atoms on the support.
    apart_nm: none closer than this.  paired: share of atoms that come with a neighbour 1 to 1.3 times that
    far away.  support_nm: mean thickness; it varies by two thirds.  vacuum: share of the field's height at
    the top left without support, behind a slanting edge.
    """
    del rotation_deg  # disorder has no direction
    if species not in ATOMIC_NUMBER:
        raise BadParameters(
            "unknown-species", hint=f"No element '{species}'. There are: {', '.join(ATOMIC_NUMBER)}."
        )
    if not (0 < per_nm2 <= 5 and 0.1 <= apart_nm <= 5 and 0 <= paired <= 1 and 0 <= vacuum < 1):
        raise BadParameters(
            "bad-option",
            hint="per_nm2 lies in 0 to 5, apart_nm in 0.1 to 5, paired in 0 to 1, vacuum in 0 to below 1.",
        )
    rng = stream(seed, "single atoms")
    size = (field_nm[0] + 2 * margin_nm, field_nm[1] + 2 * margin_nm)
    support = rng.uniform((0, 0), size, (round(SUPPORT_PER_NM2 * size[0] * size[1]), 2)) - margin_nm
    atoms_each = support_nm * 100.0 / SUPPORT_PER_NM2  # amorphous carbon has about 100 atoms per nm^3
    wave = np.sin(2 * np.pi * (support @ rng.normal(0, 0.12, (2, 3))) + rng.uniform(0, 2 * np.pi, 3))
    thickness = np.clip(1.0 + 0.4 * wave.sum(axis=1), 0.35, None)
    stack = rng.poisson(atoms_each * thickness)
    few = min(1.0, per_nm2 / (1.0 + paired) * np.pi * apart_nm**2 / 4 / 0.547)
    heavy = hard_core(rng, size, apart_nm, max(few, 1e-6)) - margin_nm
    turn, far = rng.uniform(0, 2 * np.pi, len(heavy)), apart_nm * rng.uniform(1.0, 1.3, len(heavy))
    beside = heavy + np.column_stack([np.sin(turn), np.cos(turn)]) * far[:, None]
    beside = beside[rng.random(len(heavy)) < paired]
    gaps = np.linalg.norm(beside[:, None] - np.concatenate([heavy, beside])[None], axis=2)
    heavy = np.concatenate([heavy, beside[(gaps < 0.95 * apart_nm).sum(axis=1) == 1]])

    def on_support(places: np.ndarray) -> np.ndarray:
        edge = field_nm[0] * (2 * vacuum - vacuum * (places[:, 1] / field_nm[1]) * 2.0)
        return (places[:, 0] > edge) | (vacuum == 0)

    kept = on_support(support) & (stack > 0)
    support, stack, heavy = support[kept], stack[kept], heavy[on_support(heavy)]
    places = np.concatenate([support, heavy])
    return Sample.of(
        "single-atoms",
        field_nm,
        apart_nm,
        places[:, 0],
        places[:, 1],
        np.where(np.arange(len(places)) < len(support), "C", species),
        intensity=np.concatenate([stack * scattering("C"), np.full(len(heavy), scattering(species))]),
        tag=Tag.AMORPHOUS,
        domain=-1,
    )
