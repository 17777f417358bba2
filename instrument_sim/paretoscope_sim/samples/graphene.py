"""Graphene: the sample of the paper, with everything that makes counting its atoms hard."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from paretoscope_sim.samples.crystal import cell_vectors, tile
from paretoscope_sim.samples.disorder import amorphous_patch
from paretoscope_sim.samples.elements import scattering
from paretoscope_sim.samples.network import (
    CC_BOND_NM,
    RING_SPACING_NM,
    Network,
    from_rings,
    relax,
    rotate_bond,
)
from paretoscope_sim.samples.registry import sample
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.samples.vacancies import in_blob, mark_neighbours, scattered_sites
from paretoscope_sim.seeds import stream


@sample("graphene", field_nm=8.0)
def graphene(
    field_nm: tuple[float, float],
    margin_nm: float,
    rotation_deg: float,
    seed: int,
    *,
    vacancies: int = 6,
    dopants: int = 8,
    stone_wales: int = 2,
    holes: int = 1,
    hole_radius_nm: float = 1.3,
    grain_boundary_deg: float = 0.0,
    amorphous_radius_nm: float = 2.0,
) -> Sample:
    """Graphene, one atom thick: vacancies, Si dopants, holes, 5-7 defects, an amorphous patch.

    dopants: Si atoms, in turn three-fold (in place of one C) and four-fold (of two).
    grain_boundary_deg: misorientation of a second grain; 0 for a single crystal.
    amorphous_radius_nm: of a patch of disordered carbon at the lower right; 0 for none.
    """
    rng = stream(seed, "graphene")
    height, width = field_nm
    spread = max(margin_nm, 0.5) + 1.0
    net, grain_of = _sheet(field_nm, spread, rotation_deg, grain_boundary_deg)
    net, turned = _stone_wales(net, rng, stone_wales, field_nm)
    hole_places = _hole_places(rng, field_nm, holes, hole_radius_nm, grain_boundary_deg != 0)
    for place in hole_places:
        net = net.keep(~in_blob(net.places_nm, place, hole_radius_nm, rng.uniform(0, 2 * np.pi, 3)))
    odd = net.places_nm[net.odd_ring()]
    rim = [
        place + hole_radius_nm * np.array([np.sin(t), np.cos(t)])
        for place in hole_places
        for t in np.linspace(0, 2 * np.pi, 40)
    ]
    net = relax(net, np.concatenate([odd, turned.reshape(-1, 2), np.array(rim).reshape(-1, 2)]))
    y, x = net.places_nm.T
    tag = np.where(net.coordination() < 3, Tag.EDGE, Tag.PERFECT)
    tag = np.where(net.odd_ring(), Tag.RING, tag)
    sheet = Sample.of("graphene", field_nm, CC_BOND_NM, y, x, "C", tag=tag, domain=grain_of(y, x), fragile=1)
    near = (abs(sheet.y_nm - height / 2) < height / 2 + margin_nm) & (
        abs(sheet.x_nm - width / 2) < width / 2 + margin_nm
    )
    sheet = sheet.take(near)
    if amorphous_radius_nm > 0:
        sheet = amorphous_patch(sheet, (0.8 * height, 0.78 * width), amorphous_radius_nm, "C", rng)
    return _point_defects(sheet, rng, vacancies, dopants)


def _sheet(field_nm, margin_nm, rotation_deg, misorientation_deg):
    """Return the network and a function that tells which grain a place belongs to."""
    basis = [(0.0, 0.0)]
    first = tile(
        cell_vectors(RING_SPACING_NM, RING_SPACING_NM, 60.0, rotation_deg), basis, field_nm, margin_nm
    )
    centres = np.column_stack([first.y_nm, first.x_nm])
    middle, slope = field_nm[1] / 2, 0.15

    def grain_of(y: NDArray, x: NDArray) -> NDArray:
        if misorientation_deg == 0:
            return np.zeros(len(y), np.int16)
        return (x > middle + slope * (y - field_nm[0] / 2)).astype(np.int16)

    if misorientation_deg:
        turned = cell_vectors(RING_SPACING_NM, RING_SPACING_NM, 60.0, rotation_deg + misorientation_deg)
        second = tile(turned, basis, field_nm, margin_nm)
        other = np.column_stack([second.y_nm, second.x_nm])
        kept = np.concatenate([centres[grain_of(*centres.T) == 0], other[grain_of(*other.T) == 1]])
        close = KDTree(kept).query_pairs(0.7 * RING_SPACING_NM, output_type="ndarray")
        centres = np.delete(kept, np.unique(close[:, 1]), axis=0)
    return from_rings(centres), grain_of


def _stone_wales(net: Network, rng, count: int, field_nm) -> tuple[Network, NDArray]:
    """Turn bonds well inside the field and away from other odd rings; return where as well, (k, 2) nm."""
    middles = net.places_nm[net.bonds].mean(axis=1)
    inside = ((middles > 1.0) & (middles < np.asarray(field_nm) - 1.0)).all(axis=1)
    odd = net.places_nm[net.odd_ring()]
    if len(odd):
        inside &= KDTree(odd).query(middles)[0] > 1.0
    chosen = scattered_sites(rng, inside.nonzero()[0], middles[:, 0], middles[:, 1], count, 2.0)
    for bond in chosen.tolist():
        net = rotate_bond(net, bond)
    return net, middles[chosen]


def _hole_places(rng, field_nm, count: int, radius_nm: float, centre_taken: bool) -> list[NDArray]:
    """The first hole stands at the upper left, where neither boundary nor patch is; others are drawn."""
    height, width = field_nm
    places = [np.array([0.28 * height, (0.22 if centre_taken else 0.3) * width])][:count]
    while len(places) < count:
        places.append(rng.uniform(radius_nm, np.array([height, width]) - radius_nm))
    return places


def _point_defects(sheet: Sample, rng, vacancies: int, dopants: int) -> Sample:
    """Take out single atoms and put in silicon, each well away from the others and from other defects."""
    plain = sheet.tag == Tag.PERFECT
    special = np.column_stack([sheet.y_nm, sheet.x_nm])[~plain]
    places = np.column_stack([sheet.y_nm, sheet.x_nm])
    if len(special):
        plain &= KDTree(special).query(places)[0] > 0.5
    plain &= sheet.inside()
    sites = scattered_sites(
        rng, plain.nonzero()[0], sheet.y_nm, sheet.x_nm, vacancies + dopants, 6 * CC_BOND_NM
    )
    silicon_sites, empty = sites[:dopants], sites[dopants:]
    removed = np.zeros(len(sheet), bool)
    removed[empty] = True
    species, intensity = sheet.species.copy(), sheet.intensity.copy()
    y, x, tag = sheet.y_nm.copy(), sheet.x_nm.copy(), sheet.tag.copy()
    tree = KDTree(places)
    for order, atom in enumerate(silicon_sites.tolist()):
        three = np.asarray(tree.query(places[atom], k=4)[1])[1:]
        if order % 2:  # four-fold: in the middle of a bond, in place of both its atoms
            partner = int(three[0])
            removed[partner] = True
            y[atom], x[atom] = (places[atom] + places[partner]) / 2
            around = np.asarray(tree.query([y[atom], x[atom]], k=6)[1])[2:]
        else:
            around = three
        # Si-C bonds are longer: 0.17 nm seen from above where Si replaces one atom.
        for neighbour in around.tolist():
            apart = places[neighbour] - np.array([y[atom], x[atom]])
            move = apart / np.linalg.norm(apart) * (0.018 if not order % 2 else -0.012)
            y[neighbour] += move[0]
            x[neighbour] += move[1]
        species[atom], intensity[atom], tag[atom] = "Si", scattering("Si"), Tag.DOPANT
    changed = replace(sheet, y_nm=y, x_nm=x, species=species, intensity=intensity, tag=tag)
    return mark_neighbours(changed.take(~removed), places[empty, 0], places[empty, 1])
