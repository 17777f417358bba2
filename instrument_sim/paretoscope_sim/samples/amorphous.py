"""A film without any lattice: what a lattice-based expectation must not be fooled by."""

from __future__ import annotations

from paretoscope.errors import BadParameters
from paretoscope_sim.samples.disorder import hard_core
from paretoscope_sim.samples.elements import ATOMIC_NUMBER, scattering
from paretoscope_sim.samples.registry import sample
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.seeds import stream


@sample("amorphous", field_nm=10.0)
def amorphous(
    field_nm: tuple[float, float],
    margin_nm: float,
    rotation_deg: float,
    seed: int,
    *,
    species: str = "Si",
    apart_nm: float = 0.24,
    fill: float = 0.85,
) -> Sample:
    """A bare disordered film: random columns, none closer than a hard core.

    species: chemical symbol.  apart_nm: the hard core.  fill: 0 to 1, 1 is as dense as random placing gets.
    """
    del rotation_deg  # disorder has no direction
    if species not in ATOMIC_NUMBER:
        raise BadParameters(
            "unknown-species", hint=f"No element '{species}'. There are: {', '.join(ATOMIC_NUMBER)}."
        )
    if not (0.05 <= apart_nm <= 5 and 0 < fill <= 1):
        raise BadParameters("bad-option", hint="apart_nm lies in 0.05 to 5 and fill in 0 to 1.")
    rng = stream(seed, "amorphous")
    size = (field_nm[0] + 2 * margin_nm, field_nm[1] + 2 * margin_nm)
    y, x = (hard_core(rng, size, apart_nm, fill) - margin_nm).T
    atoms = rng.uniform(0.6, 1.4, len(y))  # the film's thickness varies from column to column
    return Sample.of(
        "amorphous",
        field_nm,
        apart_nm,
        y,
        x,
        species,
        intensity=scattering(species) * atoms,
        tag=Tag.AMORPHOUS,
        domain=-1,
        fragile=1,
    )
