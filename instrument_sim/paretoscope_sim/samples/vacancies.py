"""Marking the columns next to a place where something is missing or foreign."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import KDTree

from paretoscope_sim.samples.truth import Sample, Tag


def mark_neighbours(
    sample: Sample, y_nm: NDArray, x_nm: NDArray, tag: Tag = Tag.VACANCY_NEIGHBOUR, reach: float = 1.25
) -> Sample:
    """Tag the columns within ``reach`` bond lengths of the given places, unless a later tag stands there."""
    if not len(y_nm) or not len(sample):
        return sample
    tree = KDTree(np.column_stack([sample.y_nm, sample.x_nm]))
    found = tree.query_ball_point(np.column_stack([y_nm, x_nm]), reach * sample.bond_nm)
    near = np.zeros(len(sample), bool)
    near[np.concatenate([np.asarray(row, int) for row in found])] = True
    return replace(sample, tag=np.where(near, np.maximum(sample.tag, tag), sample.tag).astype(np.uint8))


def scattered_sites(
    rng: np.random.Generator, candidates: NDArray, y_nm: NDArray, x_nm: NDArray, count: int, apart_nm: float
) -> NDArray:
    """Draw up to ``count`` of the candidate indices that stand at least ``apart_nm`` from each other."""
    chosen: list[int] = []
    for index in rng.permutation(candidates).tolist():
        if len(chosen) == count:
            break
        gap = np.hypot(y_nm[chosen] - y_nm[index], x_nm[chosen] - x_nm[index])
        if not len(chosen) or gap.min() >= apart_nm:
            chosen.append(index)
    return np.array(chosen, int)


def in_blob(places_nm: NDArray, centre_nm: NDArray, radius_nm: float, phases: NDArray) -> NDArray[np.bool_]:
    """Whether places, (n, 2), lie inside a rounded, uneven outline; three phases (radians) give its shape."""
    dy, dx = (places_nm - centre_nm).T
    angle = np.arctan2(dy, dx)
    outline = np.ones_like(angle)
    for lobes, phase in zip((2, 3, 5), phases, strict=True):
        outline += 0.25 / lobes * np.sin(lobes * angle + phase)
    return np.hypot(dy, dx) < radius_nm * outline
