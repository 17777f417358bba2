"""From peaks of the spectrum to the two reciprocal vectors that explain them.

A reciprocal lattice that is too fine explains every peak; one that is too coarse misses the fundamental's
odd multiples. So candidates are scored by the share of peak weight they index beyond what chance would
index, and of those that are about as good as the best the coarsest wins: the smallest cell in real space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paretoscope.core.lattice import reduce_basis
from paretoscope.core.orient import orient
from paretoscope.core.reflections import Reflections

NEARLY_BEST = 0.95
"""A coarser lattice wins if it explains this share of what the best explains."""

TWO_GRAINS = 0.85
"""Two turned copies of a coarse lattice win over a fine one if they explain this share of what it does."""
ONE_GRAIN = 0.35
"""Of two grains the larger explains at least this share of what both explain."""
FINEST_CPP = 0.4
"""Both reciprocal vectors stay below this, cycles per px: a cell narrower than 2.5 px is not sampled."""


@dataclass(frozen=True)
class ReciprocalCell:
    vectors: np.ndarray
    """(2, 2) float64, rows g1, g2 as (y, x), cycles per px; a reduced pair."""
    explained: float
    """Share of the peaks' weight that it indexes, 0..1."""
    orders: np.ndarray
    """(n, 2) whole numbers of every peak given; meaningless where not `indexed`."""
    indexed: np.ndarray
    """(n,) bool."""


def search_cell(peaks: Reflections) -> ReciprocalCell | None:
    """The reciprocal cell of the peaks; None where two independent directions are not there."""
    if len(peaks) < 2:
        return None
    pairs = _candidate_pairs(peaks)
    if len(pairs) == 0:
        return None
    weight = peaks.weight
    scores, areas = _score(pairs, peaks, weight)
    best = np.argsort(-scores)[:40]
    # Fine lattices have many bases and would crowd out a coarse one that explains one grain.
    coarse = np.argsort(-np.where(areas > 2.0 * areas[best[0]], scores, -1.0))[:20]
    refined = [_refine(pairs[i], peaks, weight) for i in np.union1d(best, coarse)]
    pairs = np.array([pair for pair in refined if pair is not None and np.hypot(*pair.T).max() < FINEST_CPP])
    if len(pairs) == 0:
        return None
    scores, areas = _score(pairs, peaks, weight)
    good = scores >= NEARLY_BEST * scores.max()
    # Coarsest within one part in five; among equals the better score.
    coarse = good & (areas >= 0.8 * areas[good].max())
    chosen = int(np.argmax(np.where(coarse, scores, -1.0)))
    chosen = _rather_two_grains(pairs, scores, areas, chosen, peaks)
    vectors, _ = reduce_basis(pairs[chosen])
    orders, indexed = index_peaks(vectors, peaks)
    return ReciprocalCell(vectors, float(weight[indexed].sum()), orders, indexed)


def index_peaks(vectors: np.ndarray, peaks: Reflections, slack: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Whole-number orders (n, 2) of the peaks and which (n,) lie on the lattice within `slack` bins."""
    orders = np.round(peaks.frequency @ np.linalg.inv(vectors))
    off = (peaks.frequency - orders @ vectors) / np.array(peaks.bin_cpp)
    # A stretched or drifting frame moves high orders further than low ones.
    allowed = slack + 0.1 * np.abs(orders).sum(axis=1)
    nonzero = np.abs(orders).sum(axis=1) > 0
    return orders, (np.hypot(off[:, 0], off[:, 1]) <= allowed) & nonzero


def _rather_two_grains(
    pairs: np.ndarray, scores: np.ndarray, areas: np.ndarray, chosen: int, peaks: Reflections
) -> int:
    """A coarser lattice and a turned copy of it explain as much as a fine one: take the coarse one.

    Two grains at a special angle share a coincidence lattice, which indexes everything and is nowhere.
    """
    coarser = (scores >= ONE_GRAIN * scores[chosen]) & (areas > 2.2 * areas[chosen])
    for index in np.argsort(-np.where(coarser, areas, 0.0))[: min(int(coarser.sum()), 6)].tolist():
        _, hit = index_peaks(pairs[index], peaks)
        rest = peaks.take(np.nonzero(~hit)[0])
        turned = orient(pairs[index], rest, 0.03)
        if turned is None:
            continue
        total = float(peaks.weight[hit].sum()) + turned.explained * float(peaks.weight[~hit].sum())
        if total >= TWO_GRAINS * scores[chosen]:
            return int(index)
    return chosen


def _candidate_pairs(peaks: Reflections) -> np.ndarray:
    """(m, 2, 2) pairs out of the strongest peaks and the differences between them."""
    strongest = peaks.frequency[:16]
    bins = np.array(peaks.bin_cpp)
    minus = (strongest[:, None, :] - strongest[None, :, :]).reshape(-1, 2)
    plus = (strongest[:, None, :] + strongest[None, :, :]).reshape(-1, 2)
    found = np.concatenate([strongest, minus, plus])
    found = found[np.hypot(*(found / bins).T) > 2.5]
    # One of each +-pair, and one of those that agree within a bin.
    found = np.where((found[:, :1] < 0) | ((found[:, :1] == 0) & (found[:, 1:] < 0)), -found, found)
    kept: list[np.ndarray] = []
    for vector in found:
        if not kept or np.min(np.hypot(*((np.array(kept) - vector) / bins).T)) > 0.9:
            kept.append(vector)
        if len(kept) >= 70:
            break
    vectors = np.array(kept)
    if len(vectors) < 2:
        return np.empty((0, 2, 2))
    i, j = np.triu_indices(len(vectors), 1)
    pairs = np.stack([vectors[i], vectors[j]], axis=1)
    lengths = np.hypot(pairs[..., 0], pairs[..., 1])
    cross = np.abs(pairs[:, 0, 0] * pairs[:, 1, 1] - pairs[:, 0, 1] * pairs[:, 1, 0])
    return pairs[cross > 0.25 * lengths.prod(axis=1)]


def _score(pairs: np.ndarray, peaks: Reflections, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weight indexed minus weight that chance would index, and the area of each reciprocal cell."""
    areas = np.abs(np.linalg.det(pairs))
    orders = np.einsum("nf,mfg->mng", peaks.frequency, np.linalg.inv(pairs))
    whole = np.round(orders)
    off = np.einsum("mng,mgf->mnf", orders - whole, pairs) / np.array(peaks.bin_cpp)
    size = np.abs(whole).sum(axis=2)
    allowed = 0.8 + 0.2 * size
    hit = (np.hypot(off[..., 0], off[..., 1]) <= allowed) & (size > 0)
    chance = np.pi * allowed**2 * peaks.bin_cpp[0] * peaks.bin_cpp[1] / areas[:, None]
    gain = np.where(hit, 1.0, 0.0) - np.minimum(chance, 1.0)
    return gain @ weight, areas


def _refine(pair: np.ndarray, peaks: Reflections, weight: np.ndarray) -> np.ndarray | None:
    """Least squares over the indexed peaks; None where they no longer span a plane."""
    pair, _ = reduce_basis(pair)
    for slack in (1.2, 0.8):
        orders, hit = index_peaks(pair, peaks, slack)
        if hit.sum() < 2 or np.linalg.matrix_rank(orders[hit]) < 2:
            return None
        root = np.sqrt(weight[hit])[:, None]
        pair = np.linalg.lstsq(orders[hit] * root, peaks.frequency[hit] * root, rcond=None)[0]
    return pair if abs(np.linalg.det(pair)) > 0 else None
