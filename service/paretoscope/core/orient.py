"""How a known cell lies in an image: its rotation and its scale, from the peaks of the spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paretoscope.core.reflections import Reflections

LOW_ORDERS = np.array([(h, k) for h in range(-3, 4) for k in range(-3, 4) if (h, k) != (0, 0)])
LEAST_EXPLAINED = 0.5


@dataclass(frozen=True)
class Orientation:
    vectors: np.ndarray
    """(2, 2) reciprocal rows, (y, x), cycles per px, as they fit the image."""
    scale: float
    """Length seen over length given: 1.01 = the image shows the cell one per cent larger."""
    turn_deg: float
    """Rotation of the given cell, degrees."""
    explained: float
    """Share of the peaks' weight that it indexes, 0..1."""


def orient(reciprocal: np.ndarray, peaks: Reflections, tolerance: float) -> Orientation | None:
    """Turn, scale and if need be mirror `reciprocal` (2, 2 rows, cycles per px) until it indexes the peaks.

    tolerance: largest deviation of the scale from 1.  None where less than half of the peaks fit.
    """
    if len(peaks) < 2:
        return None
    weight = peaks.weight
    best: tuple[float, np.ndarray] | None = None
    for given in (reciprocal, reciprocal * np.array([1.0, -1.0])):
        for vectors in _placements(given, peaks, tolerance):
            score = _score(vectors, peaks, weight)
            if best is None or score > best[0]:
                best = (score, vectors)
    if best is None:
        return None
    vectors = best[1]
    for _ in range(3):
        orders, hit = _indexed(vectors, peaks)
        if hit.sum() < 2 or np.linalg.matrix_rank(orders[hit]) < 2:
            break
        root = np.sqrt(weight[hit])[:, None]
        fitted = np.linalg.lstsq(orders[hit] * root, peaks.frequency[hit] * root, rcond=None)[0]
        scale = np.sqrt(abs(np.linalg.det(reciprocal) / np.linalg.det(fitted)))
        if abs(scale - 1.0) > tolerance or not _alike(fitted, reciprocal, tolerance):
            break
        vectors = fitted
    orders, hit = _indexed(vectors, peaks)
    explained = float(weight[hit].sum())
    independent = hit.sum() >= 2 and np.linalg.matrix_rank(orders[hit]) == 2
    if explained < LEAST_EXPLAINED or not independent:
        return None
    scale = float(np.sqrt(abs(np.linalg.det(reciprocal) / np.linalg.det(vectors))))
    turn = np.arctan2(*vectors[0]) - np.arctan2(*reciprocal[0])
    return Orientation(vectors, scale, float(np.degrees(turn) % 360.0), explained)


def _placements(given: np.ndarray, peaks: Reflections, tolerance: float) -> np.ndarray:
    """(m, 2, 2) turned and scaled copies that put some low order on some strong peak."""
    strong = peaks.frequency[:8]
    low = LOW_ORDERS @ given
    lengths, wanted = np.hypot(low[:, 0], low[:, 1]), np.hypot(strong[:, 0], strong[:, 1])
    ratio = wanted[:, None] / lengths[None, :]
    i, j = np.nonzero(np.abs(ratio - 1.0) <= tolerance)
    angle = np.arctan2(strong[i, 0], strong[i, 1]) - np.arctan2(low[j, 0], low[j, 1])
    cosine, sine = np.cos(angle), np.sin(angle)
    # (y, x) rows: x' = x cos - y sin, y' = x sin + y cos.
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)
    return np.einsum("gf,mfe,m->mge", given, turn, ratio[i, j])


def _score(vectors: np.ndarray, peaks: Reflections, weight: np.ndarray) -> float:
    _, hit = _indexed(vectors, peaks)
    chance = np.pi * 2.0 * peaks.bin_cpp[0] * peaks.bin_cpp[1] / abs(np.linalg.det(vectors))
    return float((weight * (hit - min(chance, 1.0))).sum())


def _indexed(vectors: np.ndarray, peaks: Reflections) -> tuple[np.ndarray, np.ndarray]:
    orders = np.round(peaks.frequency @ np.linalg.inv(vectors))
    off = peaks.frequency - orders @ vectors
    size = np.hypot(peaks.frequency[:, 0], peaks.frequency[:, 1])
    # A given cell may be a little distorted by scan drift: two per cent of the frequency are forgiven.
    allowed = 1.2 * max(peaks.bin_cpp) + 0.02 * size
    allowed = np.minimum(allowed, 0.3 * np.hypot(vectors[:, 0], vectors[:, 1]).min())
    return orders, (np.hypot(off[:, 0], off[:, 1]) <= allowed) & (np.abs(orders).sum(axis=1) > 0)


def _alike(fitted: np.ndarray, given: np.ndarray, tolerance: float) -> bool:
    """Are the lengths of g1, g2 and g1 - g2 within the tolerance?"""
    lengths = [np.hypot(*np.vstack([v, v[0] - v[1]]).T) for v in (fitted, given)]
    return bool(np.all(np.abs(lengths[0] / lengths[1] - 1.0) < 1.5 * tolerance))
