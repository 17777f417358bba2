"""Neither an overtone nor a sub-harmonic: settle which reciprocal lattice an image really has.

Peaks of the whole frame's spectrum can be missing (a weak fundamental beside a hole) or false (ripples of a
hole's edge). So every whole, half and third order of the cell found so far is measured again locally, well
inside the lattice, and the lattice that the orders which are really there generate is the answer.
"""

from __future__ import annotations

import numpy as np

from paretoscope.core.coherence import HIGHEST_CPP
from paretoscope.core.demodulate import Demodulator, intensity
from paretoscope.core.lattice import reduce_basis

PRESENT = 0.02
"""Least power of an order over that of the strongest whole one."""
ABOVE_NOISE = 5.0
SIXTHS = 6


def settle(image: np.ndarray, vectors: np.ndarray, lattice: np.ndarray, step_px: int) -> np.ndarray:
    """Reciprocal rows (2, 2) of the lattice that is there; `vectors` themselves where nothing speaks against.

    lattice: (rows, columns) bool on a grid of `step_px`, where to look.
    """
    vectors, _ = reduce_basis(vectors)
    lengths = np.hypot(vectors[:, 0], vectors[:, 1])
    if not lattice.any():
        return vectors
    orders = _orders(vectors, 2.1 * lengths.max())
    waves = Demodulator(image, 1.2 / lengths.min(), 2 * step_px)
    weight = _inside(lattice, waves)
    if weight.any():
        power = np.array([_power(waves.field(order / SIXTHS @ vectors), weight) for order in orders])
    else:
        # Too few cells to stay clear of all edges.
        power = _fitted_power(waves.flat, lattice, step_px, orders / SIXTHS @ vectors)
    size = np.hypot(*(orders @ vectors).T) / SIXTHS
    kind = np.array([_kind(order) for order in orders])
    whole = kind == "whole"
    if not whole.any() or power[whole].max() <= 0.0:
        return vectors
    strongest = power[whole].max()
    noise = _noise(power, size, kind, lengths.min())
    present = (power > PRESENT * strongest) & (power > ABOVE_NOISE * noise)
    for name in set(kind) - {"whole"}:
        # A finer lattice shows itself more than once, and as far out as the cell's own reflections.
        members = (kind == name) & present
        if members.sum() < 3 or not (size[members] > 0.9 * lengths.min()).any():
            present[kind == name] = False
    if present.sum() < 2:
        return vectors
    basis = generated(orders[present])
    if basis is None:
        return vectors
    settled, _ = reduce_basis(basis / SIXTHS @ vectors)
    return settled if np.hypot(*settled.T).max() < HIGHEST_CPP else vectors


def generated(orders: np.ndarray) -> np.ndarray | None:
    """(2, 2) whole-number rows that span the same lattice as `orders` (n, 2); None where they lie on a line.

    Euclid's algorithm on two columns.
    """
    rows = [(int(x), int(y)) for x, y in orders if x or y]
    first, second = (0, 0), 0
    for row in rows:
        a, b = first, row
        while b[0]:
            times = a[0] // b[0]
            a, b = b, (a[0] - times * b[0], a[1] - times * b[1])
        first, second = a, int(np.gcd(second, b[1]))
    if first[0] == 0 or second == 0:
        return None
    return np.array([first, (0, second)], dtype=float)


def _orders(vectors: np.ndarray, reach_cpp: float) -> np.ndarray:
    """(n, 2) orders in sixths: whole, halves and thirds up to `reach_cpp`, one of each +- pair."""
    span = 4 * SIXTHS
    h, k = np.mgrid[-span : span + 1, -span : span + 1]
    orders = np.column_stack([h.ravel(), k.ravel()])
    orders = orders[(orders[:, 0] > 0) | ((orders[:, 0] == 0) & (orders[:, 1] > 0))]
    halves, thirds = (orders % 3 == 0).all(axis=1), (orders % 2 == 0).all(axis=1)
    size = np.hypot(*(orders @ vectors).T) / SIXTHS
    shortest = np.hypot(vectors[:, 0], vectors[:, 1]).min()
    keep = (halves | thirds) & (size < min(reach_cpp, HIGHEST_CPP)) & (size > 0.3 * shortest)
    keep &= halves & thirds | (size < 1.7 * shortest)
    return orders[keep]


def _kind(order: np.ndarray) -> str:
    """Which finer lattice an order would prove: 'whole', or the class of its fraction."""
    h, k = int(order[0]) % SIXTHS, int(order[1]) % SIXTHS
    if (h, k) == (0, 0):
        return "whole"
    return min(f"{h}:{k}", f"{-h % SIXTHS}:{-k % SIXTHS}")


def _noise(power: np.ndarray, size: np.ndarray, kind: np.ndarray, shortest: float) -> np.ndarray:
    """For each order the median power of fractions of other classes that lie about as far out."""
    noise = np.zeros(len(power))
    fraction = kind != "whole"
    floor = float(np.quantile(power[fraction], 0.25)) if fraction.any() else 0.0
    for index in range(len(power)):
        near = fraction & (kind != kind[index]) & (np.abs(size - size[index]) < 0.25 * shortest)
        noise[index] = np.median(power[near]) if near.sum() >= 3 else floor
    return noise


def _inside(lattice: np.ndarray, waves: Demodulator) -> np.ndarray:
    """(rows, columns) float of the coarser grid: 1 well inside the lattice and the frame.

    Cut off by an edge, a reflection spreads over its neighbourhood and would pass for a finer lattice.
    """
    index = [
        np.minimum(2 * np.arange(n), side - 1) for n, side in zip(waves.grid, lattice.shape, strict=True)
    ]
    coarse = lattice[np.ix_(*index)]
    share = waves.share_of(coarse, beyond_frame=True)
    enough = (waves.sigma_px / waves.step_px) ** 2
    for least in (0.97, 0.92):
        inside = coarse & (share > least)
        if inside.sum() > enough:
            return inside.astype(float)
    return np.zeros(waves.grid)


def _fitted_power(flat: np.ndarray, lattice: np.ndarray, step_px: int, frequencies: np.ndarray) -> np.ndarray:
    """(n,) power of waves at `frequencies` (n, 2), cycles per px, fitted together to the lattice's area.

    Least squares knows no leakage from the area's edge, however few cells there are; it wants one phase all
    over.
    """
    block = max(step_px // 2, 1)
    rows, columns = flat.shape[0] // block, flat.shape[1] // block
    values = flat[: rows * block, : columns * block].reshape(rows, block, columns, block).mean(axis=(1, 3))
    y, x = np.mgrid[:rows, :columns] * block + (block - 1) / 2
    there = lattice[(y / step_px).astype(int), (x / step_px).astype(int)]
    phase = 2 * np.pi * (np.outer(y[there], frequencies[:, 0]) + np.outer(x[there], frequencies[:, 1]))
    waves = np.hstack([np.cos(phase), np.sin(phase), np.ones((len(phase), 1))])
    normal = waves.T @ waves
    normal += 1e-3 * len(waves) * np.eye(len(normal))
    fitted = np.linalg.solve(normal, waves.T @ values[there])
    count = len(frequencies)
    return fitted[:count] ** 2 + fitted[count : 2 * count] ** 2


def _power(wave: np.ndarray, weight: np.ndarray) -> float:
    return float(((intensity(wave)) * weight).sum() / weight.sum())
