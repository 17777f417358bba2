"""Knock-on damage over a movie, known for every frame without playing the ones before it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import dijkstra
from scipy.spatial import KDTree

from paretoscope_sim.imaging.settings import Scan
from paretoscope_sim.samples.truth import Sample, Tag
from paretoscope_sim.samples.vacancies import mark_neighbours
from paretoscope_sim.seeds import stream

_EARLIEST = 1e-12
"""A waiting time of exactly 0 would be read as 'no path' by the sparse graph."""


def damaged(sample: Sample, scan: Scan, seed: int, frame: int) -> Sample:
    """Return the sample as the beam has left it when this frame starts; the first frame sees it whole."""
    damage = scan.damage
    if frame <= 0 or (damage.per_frame <= 0 and damage.dopant_jumps_per_frame <= 0) or not len(sample):
        return sample
    now = _jumped(sample, scan, seed, frame) if damage.dopant_jumps_per_frame > 0 else sample
    if damage.per_frame <= 0:
        return now
    leaves = leaving_frames(sample, scan, seed)
    second = leaves + stream(seed, "second atom").exponential(1.0 / damage.per_frame, len(sample))
    lost = (leaves < frame).astype(int) + ((second < frame) & (sample.fragile > 1))
    atoms = np.maximum(sample.fragile.astype(int), 1)
    gone = (lost >= atoms) & (sample.fragile > 0)
    thinner = (lost > 0) & ~gone & (sample.fragile > 0)
    tag = np.where(thinner, np.maximum(now.tag, Tag.VACANCY_NEIGHBOUR), now.tag).astype(np.uint8)
    dim = np.where(thinner, (atoms - lost) / atoms, 1.0)
    left = replace(now, intensity=now.intensity * dim, tag=tag).take(~gone)
    return mark_neighbours(left, sample.y_nm[gone], sample.x_nm[gone])


def leaving_frames(sample: Sample, scan: Scan, seed: int) -> NDArray[np.float64]:
    """Return when each column loses its first atom, in frames (n,); infinite for stable columns.

    An atom leaves at a constant rate, and at a higher one as soon as a neighbour has left: first-passage
    percolation, so all leaving times are shortest paths in one graph with exponential waiting times
    (Hammersley & Welsh 1965). Holes grow from their rims by themselves.
    """
    damage, rng, n = scan.damage, stream(seed, "knock-on"), len(sample)
    alone = rng.exponential(1.0 / damage.per_frame, n)
    faster = damage.per_frame * max(damage.at_edges, 1.0)
    weak = np.isin(sample.tag, [Tag.EDGE, Tag.VACANCY_NEIGHBOUR])
    alone = np.where(weak, alone * damage.per_frame / faster, alone)
    pairs = _neighbours(sample)
    onwards = rng.exponential(1.0 / faster, (len(pairs), 2))
    start = np.column_stack([np.full(n, n), np.arange(n)])
    ways = np.concatenate([pairs, pairs[:, ::-1], start])
    wait = np.concatenate([onwards[:, 0], onwards[:, 1], alone]) + _EARLIEST
    sturdy = (sample.fragile == 0)[np.minimum(ways[:, 1], n - 1)]
    graph = csr_matrix((wait[~sturdy], (ways[~sturdy, 0], ways[~sturdy, 1])), (n + 1, n + 1))
    return dijkstra(graph, indices=n)[:n]


def _neighbours(sample: Sample) -> NDArray[np.int64]:
    tree = KDTree(np.column_stack([sample.y_nm, sample.x_nm]))
    return tree.query_pairs(1.25 * sample.bond_nm, output_type="ndarray").astype(np.int64)


def _jumped(sample: Sample, scan: Scan, seed: int, frame: int) -> Sample:
    """Let every dopant change places with random neighbours, frame by frame."""
    pairs = _neighbours(sample)
    species, intensity, tag = sample.species.copy(), sample.intensity.copy(), sample.tag.copy()
    for step in range(frame):
        rng = stream(seed, "dopant jumps", step)
        dopants = (tag == Tag.DOPANT).nonzero()[0]
        for atom in dopants[rng.random(len(dopants)) < scan.damage.dopant_jumps_per_frame].tolist():
            around = pairs[(pairs == atom).any(axis=1)].ravel()
            around = around[(around != atom) & (tag[around] != Tag.DOPANT)]
            if len(around):
                other = int(rng.choice(around))
                for column in (species, intensity, tag):
                    column[[atom, other]] = column[[other, atom]]
    return replace(sample, species=species, intensity=intensity, tag=tag)
