"""BiFeO3 seen along the pseudo-cubic [001]: Fe columns shifted against the Bi lattice, domain by domain."""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from paretoscope_sim.samples.crystal import cell_vectors, tile
from paretoscope_sim.samples.elements import effective_atoms, scattering
from paretoscope_sim.samples.registry import sample
from paretoscope_sim.samples.strontium_titanate import THICK_SPREAD_NM
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.seeds import stream

A_NM = 0.3965
"""Pseudo-cubic cell."""
SHEAR = 0.0052
"""Half the departure of the rhombohedral angle (89.4 degrees) from a right angle, radians."""
FE_SHARE = 0.7
"""Share of the polar displacement that the Fe columns make; the Bi columns move the other way by the rest."""


@sample("BiFeO3", field_nm=12.0)
def bismuth_ferrite(
    field_nm: tuple[float, float],
    margin_nm: float,
    rotation_deg: float,
    seed: int,
    *,
    walls_180: int = 1,
    walls_71: int = 1,
    wall_width_nm: float = 1.2,
    displacement_nm: float = 0.036,
    thickness_nm: float = 15.0,
) -> Sample:
    """BiFeO3 [001]: ferroelectric domains, Fe displaced against Bi, 180 and 71 degree walls of finite width.

    displacement_nm: of Fe against the middle of its four Bi columns, along x and along y, in a domain.
    walls_180: both components turn over; the wall lies along the polarisation, so it carries no charge.
    walls_71: only the x component turns over (90 degrees in projection); the wall lies along x, as it must
    for the same reason, and the lattice shears the other way beyond it.
    wall_width_nm: over which the polarisation turns from -0.76 to 0.76 of its full value.
    """
    vectors = cell_vectors(A_NM, A_NM, 90.0, 0.0)
    reach = float(np.hypot(*field_nm) / 2 + margin_nm)
    sites = tile(vectors, [(0.0, 0.0), (0.5, 0.5)], (2 * reach, 2 * reach), 2 * A_NM)
    # In the crystal's own axes, with the middle of the field as origin; turned at the end.
    y, x = sites.y_nm - reach, sites.x_nm - reach
    bismuth = sites.basis == 0
    phase = stream(seed, "BiFeO3").uniform(-0.12, 0.12, 2) * min(field_nm)
    half = wall_width_nm / 2
    across = _turns((x - y) / np.sqrt(2.0), walls_180, min(field_nm), half, phase[0])
    along = _turns(y, walls_71, min(field_nm), half, phase[1])
    polar_x, polar_y = across * along, across
    # The shear follows the product of the components, and both sublattices follow the shear.
    line = np.linspace(-reach - 1.0, reach + 1.0, 4001)
    sheared = _turns(line, walls_71, min(field_nm), half, phase[1])
    slide = 2.0 * SHEAR * np.cumsum(sheared) * (line[1] - line[0])
    x = x + np.interp(y, line, slide - slide[len(line) // 2])
    move = np.where(bismuth, FE_SHARE - 1.0, FE_SHARE) * displacement_nm
    y, x = y + move * polar_y, x + move * polar_x

    c, s = cos(radians(rotation_deg)), sin(radians(rotation_deg))
    y, x = s * x + c * y + field_nm[0] / 2, c * x - s * y + field_nm[1] / 2
    depth = effective_atoms(thickness_nm, A_NM)
    bright, dim = scattering("Bi", depth), scattering("Fe", depth) + scattering("O", depth)
    wall = np.minimum(np.abs(across), np.abs(along)) < np.tanh(1.0)
    made = Sample.of(
        "BiFeO3",
        field_nm,
        A_NM / np.sqrt(2.0),
        y,
        x,
        np.where(bismuth, "Bi", "Fe"),
        intensity=np.where(bismuth, bright, dim),
        spread_nm=THICK_SPREAD_NM,
        tag=np.where(wall, Tag.WALL, Tag.PERFECT),
        domain=2 * (polar_y > 0) + (polar_x > 0),
    )
    made = _with_polarisation(made, bismuth)
    height, width = field_nm
    inside = (abs(y - height / 2) <= height / 2 + margin_nm) & (abs(x - width / 2) <= width / 2 + margin_nm)
    return made.take(inside)


def _turns(
    distance_nm: NDArray, count: int, field_nm: float, half_width_nm: float, phase_nm: float
) -> NDArray:
    """Return a profile between -1 and 1 that turns over ``count`` times across the field, as tanh does."""
    profile = np.ones_like(distance_nm)
    for k in range(count):
        wall = ((k + 1) / (count + 1) - 0.5) * field_nm + phase_nm
        profile = profile * np.tanh((distance_nm - wall) / half_width_nm)
    return profile


def _with_polarisation(made: Sample, bismuth: NDArray[np.bool_]) -> Sample:
    """Measure every Fe column against the mean of its four Bi neighbours, from the places themselves."""
    places = np.column_stack([made.y_nm, made.x_nm])
    iron = (~bismuth).nonzero()[0]
    cage = places[bismuth][KDTree(places[bismuth]).query(places[iron], k=4)[1]]
    off = places[iron] - cage.mean(axis=1)
    # At the crystal's outer rim, which is cut off later, cages are incomplete.
    off[np.hypot(*off.T) > 0.3 * A_NM] = 0.0
    polar_y, polar_x = np.zeros(len(made)), np.zeros(len(made))
    polar_y[iron], polar_x[iron] = off.T
    return replace(made, polarisation_y_nm=polar_y, polarisation_x_nm=polar_x)
