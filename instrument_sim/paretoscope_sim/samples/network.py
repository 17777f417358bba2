"""Three-fold bonded sheets: atoms, bonds and rings of graphene with grain boundaries, defects and holes.

Graphene is the dual of a triangulation. A triangle between three ring centres is an atom; two triangles
that share an edge are bonded; a centre where n triangles meet is an n-membered ring. Two misoriented
triangular lattices of ring centres joined along a line therefore give a boundary of five- and
seven-membered rings by themselves (Yazyev & Louie, Phys. Rev. B 81, 195420 (2010)).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.spatial import Delaunay, KDTree

CC_BOND_NM = 0.142
RING_SPACING_NM = CC_BOND_NM * np.sqrt(3.0)


@dataclass(frozen=True)
class Network:
    """n atoms and their m bonds."""

    places_nm: NDArray[np.float64]
    """(n, 2), (y, x)."""
    bonds: NDArray[np.int64]
    """(m, 2) atom indices."""
    rings: NDArray[np.int64]
    """(n, 3): the three rings each atom belongs to."""
    ring_size: NDArray[np.int64]
    """Members of each ring; rings at the outer rim are counted as 6."""

    def neighbours(self, atom: int) -> NDArray[np.int64]:
        touching = self.bonds[(self.bonds == atom).any(axis=1)]
        return touching[touching != atom]

    def coordination(self) -> NDArray[np.int64]:
        return np.bincount(self.bonds.ravel(), minlength=len(self.places_nm))

    def odd_ring(self) -> NDArray[np.bool_]:
        """Which atoms belong to a ring that has not six members."""
        return (self.ring_size[self.rings] != 6).any(axis=1)

    def keep(self, kept: NDArray[np.bool_]) -> Network:
        """Remove atoms with their bonds, then whatever hangs on by a single bond or none."""
        new_index = np.cumsum(kept) - 1
        bonds = self.bonds[kept[self.bonds].all(axis=1)]
        less = replace(self, places_nm=self.places_nm[kept], bonds=new_index[bonds], rings=self.rings[kept])
        dangling = less.coordination() < 2
        # The sheet's own rim is cut off later with the margin, so peeling it costs nothing.
        return less.keep(~dangling) if dangling.any() else less


def from_rings(centres_nm: NDArray[np.float64]) -> Network:
    """Return the sheet whose rings have these centres, (k, 2) nm."""
    mesh = Delaunay(centres_nm)
    corners = centres_nm[mesh.simplices]
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(axis=1)
    inner = longest < 1.7 * RING_SPACING_NM  # the rim's slivers are no atoms
    pairs = np.column_stack([np.repeat(np.arange(len(mesh.simplices)), 3), mesh.neighbors.ravel()])
    bonds = pairs[pairs[:, 0] < pairs[:, 1]]
    size = np.bincount(mesh.simplices[inner].ravel(), minlength=len(centres_nm))
    rim = np.zeros(len(centres_nm), bool)
    rim[mesh.simplices[~inner]] = True
    rim[mesh.convex_hull] = True
    whole = Network(
        corners.mean(axis=1), bonds.astype(np.int64), mesh.simplices.astype(np.int64), np.where(rim, 6, size)
    )
    return whole.keep(inner)


def rotate_bond(net: Network, bond: int) -> Network:
    """Turn one bond by 90 degrees: two pentagons and two heptagons (Stone & Wales, CPL 128, 501 (1986))."""
    i, j = net.bonds[bond]
    middle, axis = (net.places_nm[i] + net.places_nm[j]) / 2, net.places_nm[j] - net.places_nm[i]
    across = np.array([-axis[1], axis[0]])
    places, bonds, size, rings = (
        net.places_nm.copy(), net.bonds.copy(), net.ring_size.copy(), net.rings.copy(),
    )  # fmt: skip
    places[i], places[j] = middle + across / 2, middle - across / 2
    shared = np.intersect1d(net.rings[i], net.rings[j])
    ends = np.array([np.setdiff1d(net.rings[i], shared)[0], np.setdiff1d(net.rings[j], shared)[0]])
    size[shared] -= 1
    size[ends] += 1
    for atom in np.concatenate([net.neighbours(int(i)), net.neighbours(int(j))]).tolist():
        if atom in (i, j):
            continue
        owner = i if (net.places_nm[atom] - middle) @ across > 0 else j
        row = ((bonds == atom).any(axis=1) & np.isin(bonds, [i, j]).any(axis=1)).nonzero()[0][0]
        bonds[row] = [atom, owner]
    # Each turned atom now lies in both grown rings and in one of the shrunken two.
    rings[i], rings[j] = np.append(ends, shared[0]), np.append(ends, shared[1])
    return Network(places, bonds, rings, size)


def relax(net: Network, near_nm: NDArray[np.float64], reach_nm: float = 1.2, steps: int = 150) -> Network:
    """Let the atoms within reach of the given places find their bond lengths and angles; others stay.

    Springs of 0.142 nm along bonds and, weaker, of sqrt(3) times that between second neighbours.
    near_nm: (k, 2).
    """
    if not len(near_nm):
        return net
    gap, _ = KDTree(near_nm).query(net.places_nm, distance_upper_bound=reach_nm)
    free = np.isfinite(gap).nonzero()[0]
    first, second = net.bonds, _second_neighbours(net)
    moving = np.zeros(len(net.places_nm), bool)
    moving[free] = True
    pairs = np.concatenate([first, second])
    length = np.repeat([CC_BOND_NM, CC_BOND_NM * np.sqrt(3.0)], [len(first), len(second)])
    stiffness = np.repeat([1.0, 0.15], [len(first), len(second)])
    touched = moving[pairs].any(axis=1)
    pairs, length, stiffness = pairs[touched], length[touched], stiffness[touched]

    def energy(flat: NDArray) -> tuple[float, NDArray]:
        places = net.places_nm.copy()
        places[free] = flat.reshape(-1, 2)
        apart = places[pairs[:, 0]] - places[pairs[:, 1]]
        distance = np.maximum(np.linalg.norm(apart, axis=1), 1e-6)
        excess = distance - length
        pull = (2.0 * stiffness * excess / distance)[:, None] * apart
        force = np.zeros_like(places)
        for axis in (0, 1):
            force[:, axis] = np.bincount(pairs[:, 0], pull[:, axis], len(places))
            force[:, axis] -= np.bincount(pairs[:, 1], pull[:, axis], len(places))
        # In units of 0.01 nm, so that the optimiser's tolerances fit the problem.
        return 1e4 * float(stiffness @ excess**2), 1e4 * force[free].ravel()

    found = minimize(
        energy, net.places_nm[free].ravel(), jac=True, method="L-BFGS-B", options={"maxiter": steps}
    )
    places = net.places_nm.copy()
    places[free] = found.x.reshape(-1, 2)
    return replace(net, places_nm=places)


def _second_neighbours(net: Network) -> NDArray[np.int64]:
    """Return the pairs of atoms that share a neighbour, (k, 2)."""
    both = np.concatenate([net.bonds, net.bonds[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.arange(len(net.places_nm) + 1))
    count = np.diff(start)
    pairs = []
    for one, other in ((0, 1), (0, 2), (1, 2)):
        has = (count > other).nonzero()[0]
        pairs.append(np.column_stack([both[start[has] + one, 1], both[start[has] + other, 1]]))
    return np.concatenate(pairs)
