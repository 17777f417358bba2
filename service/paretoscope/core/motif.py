"""The average cell of an image, and the columns that it shows.

The cell is folded in reciprocal space: each reflection is averaged over the lattice's area after its local
phase has been set straight by the two strongest independent ones, so that drift and strain do not smear the
cell; reflections that do not rise above disorder are left out. What remains is a noise-free periodic picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from paretoscope.core.coherence import Coherence

SIDE = 36
"""Samples of the folded cell along each edge."""
CERTAIN = 2.0
"""Least power of an averaged reflection over its own uncertainty."""
PROMINENT = 0.03
"""A column rises above the pass to a brighter one by at least this share of the cell's contrast."""
COLUMN_WIDTH = 0.12
"""Width of a column, standard deviation, in units of the side of the area that it has for itself."""
FAINTEST = 0.18
"""A column is at least this bright, on the scale from the darkest place of the cell to the brightest."""


@dataclass(frozen=True)
class Motif:
    cell: np.ndarray
    """(SIDE, SIDE) float64: brightness over fractions (along a, along b), mean 0, image units."""
    columns: np.ndarray
    """(n, 2) fractions along a and b, brightest first."""
    heights: np.ndarray
    """(n,) brightness above the darkest place, 1 = the brightest."""
    reflections: int
    """How many reflections make it up."""


def fold(measured: Coherence, weight: np.ndarray, sigma_px: float, step_px: int) -> Motif | None:
    """Average the cell over `weight` (rows, columns); None where no two reflections hold it together."""
    trust = (weight * measured.strength).astype(np.float32)
    total = float(trust.sum())
    pair = _anchors(measured)
    if total <= 0.0 or pair is None:
        return None
    anchor_orders = measured.orders[list(pair)]
    straight = [_unit(measured.fields[index]) for index in pair]
    # Whole-number coordinates of each reflection in terms of the two anchors.
    powers = np.rint(measured.orders @ np.linalg.inv(anchor_orders)).astype(int)
    effective = max(total**2 / float((trust**2).sum()) * step_px**2 / (4 * np.pi * sigma_px**2), 1.0)
    doubt = float((measured.noise * trust).sum()) / total / effective
    spectrum = np.zeros((SIDE, SIDE), dtype=complex)
    used = 0
    for order, power, wave in zip(measured.orders, powers, measured.fields, strict=True):
        turned = wave * _power(np.conj(straight[0]), power[0]) * _power(np.conj(straight[1]), power[1])
        mean = complex((turned * trust).sum() / total)
        if abs(mean) ** 2 < CERTAIN * doubt or np.abs(order).max() >= SIDE // 2:
            continue
        used += 1
        h, k = int(order[0]), int(order[1])
        spectrum[h % SIDE, k % SIDE] = mean
        spectrum[-h % SIDE, -k % SIDE] = mean.conjugate()
    if used < 2:
        return None
    cell = np.real(np.fft.ifft2(spectrum)) * SIDE * SIDE
    columns, heights = _visible(cell, spectrum, measured.vectors)
    return Motif(cell, columns, heights, used)


def _visible(cell: np.ndarray, spectrum: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns that a Laplacian of Gaussian of about their width would find: fractions and heights.

    A light column on the flank of a heavy one (sulphur beside molybdenum) is no maximum of the picture, but
    one of its response; and places that are dark in the picture are none, whatever ripples the response has
    there.
    """
    places, _ = find_columns(cell)
    order = np.fft.fftfreq(SIDE, 1.0 / SIDE)
    h, k = np.meshgrid(order, order, indexing="ij")
    frequency = h[..., None] * vectors[0] + k[..., None] * vectors[1]
    squared = (frequency**2).sum(axis=-1)
    width_px = COLUMN_WIDTH / np.sqrt(abs(np.linalg.det(vectors)) * len(places))
    response = np.real(np.fft.ifft2(spectrum * squared * np.exp(-2.0 * np.pi**2 * width_px**2 * squared)))
    places, _ = find_columns(response)
    low, high = float(cell.min()), float(cell.max())
    index = np.rint(places * SIDE).astype(int) % SIDE
    heights = (cell[index[:, 0], index[:, 1]] - low) / max(high - low, 1e-20)
    bright = np.argsort(-heights)[: int((heights >= FAINTEST).sum())]
    return places[bright], heights[bright]


def find_columns(cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Maxima of a periodic picture that stand out: fractions (n, 2) and heights (n,), brightest first.

    Prominence is the drop to the highest pass towards a brighter maximum, found by flooding from the top.
    """
    low, high = float(cell.min()), float(cell.max())
    rows, columns = cell.shape
    flat = cell.ravel()
    owner = np.full(flat.size, -1)
    parent: dict[int, int] = {}
    prominence: dict[int, float] = {}

    def root(index: int) -> int:
        while parent[index] != index:
            index = parent[index]
        return index

    for index in np.argsort(-flat, kind="stable").tolist():
        y, x = divmod(index, columns)
        found = set()
        for dy in (-1, 0, 1):
            for dx in (-1, 0, 1):
                beside = owner[((y + dy) % rows) * columns + (x + dx) % columns]
                if beside >= 0:
                    found.add(root(int(beside)))
        if not found:
            parent[index] = owner[index] = index
            prominence[index] = high - low
            continue
        top = max(found, key=lambda peak: flat[peak])
        owner[index] = top
        for peak in found - {top}:
            parent[peak] = top
            prominence[peak] = float(flat[peak] - flat[index])
    peaks = [peak for peak, rise in prominence.items() if rise >= PROMINENT * (high - low)]
    peaks.sort(key=lambda peak: -flat[peak])
    places = np.array([_vertex(cell, *divmod(peak, columns)) for peak in peaks])
    heights = np.array([(flat[peak] - low) / max(high - low, 1e-20) for peak in peaks])
    return places % 1.0, heights


def _vertex(cell: np.ndarray, y: int, x: int) -> tuple[float, float]:
    """Top of the parabola through a maximum and its neighbours, as fractions."""
    place = []
    for axis, index in ((0, y), (1, x)):
        line = cell[:, x] if axis == 0 else cell[y, :]
        size = cell.shape[axis]
        low, mid, high = line[index - 1], line[index], line[(index + 1) % size]
        bend = low - 2 * mid + high
        place.append((index + (0.5 * (low - high) / bend if bend < 0 else 0.0)) / size)
    return place[0], place[1]


def _anchors(measured: Coherence) -> tuple[int, int] | None:
    """Two reflections that span the whole reciprocal lattice and are together as strong as can be."""
    mean = np.abs(measured.fields * measured.strength).mean(axis=(1, 2))
    order = np.argsort(-mean)[:14]
    best, chosen = 0.0, None
    for first, second in combinations(order.tolist(), 2):
        determinant = np.linalg.det(measured.orders[[first, second]].astype(float))
        if abs(abs(determinant) - 1.0) < 0.1 and min(mean[first], mean[second]) > best:
            best, chosen = float(min(mean[first], mean[second])), (first, second)
    return chosen


def _unit(wave: np.ndarray) -> np.ndarray:
    return wave / np.maximum(np.abs(wave), 1e-20)


def _power(wave: np.ndarray, times: int) -> np.ndarray:
    return wave**times if times >= 0 else np.conj(wave) ** (-times)
