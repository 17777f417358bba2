"""Where in an image a lattice with given reciprocal vectors is present, and how exactly it fits.

Everything is on the coarse grid of a `Demodulator`. The strength of the strongest reflections is compared
with the strength half-way between reflections, where a lattice has none and disorder and noise have as much.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from paretoscope.core.demodulate import Demodulator, intensity

HIGHEST_CPP = 0.46
"""Reflections beyond this frequency, cycles per px, sit in the image's own folding."""
STRONGEST = 6
LEAST_STEADY = 0.4
"""Below this the phases at two ends of a lag have nothing to do with each other any more."""


@dataclass(frozen=True)
class Coherence:
    vectors: np.ndarray
    """(2, 2) reciprocal rows g1, g2, (y, x), cycles per px."""
    orders: np.ndarray
    """(n, 2) whole numbers of every reflection asked for, half plane."""
    fields: np.ndarray
    """(n, rows, columns) complex64 local amplitudes."""
    strongest: np.ndarray
    """Indices into `orders` of those that the strength is made of."""
    strength: np.ndarray
    """(rows, columns) float32: root of the summed squares above disorder; linear in how much lattice there
    is."""
    noise: np.ndarray
    """(rows, columns) float32: mean square of one field where there is no reflection."""

    @property
    def signal_to_noise(self) -> float:
        """Mean square of the reflections over that of disorder, where the lattice is."""
        weight = self.strength**2
        total = float(weight.sum())
        if total <= 0.0:
            return 0.0
        floor = float((self.noise * weight).sum()) * len(self.strongest) / total
        return float((self.strength**2 * weight).sum() / total) / max(floor, 1e-20)


def half_plane_orders(vectors: np.ndarray, most: int = 28) -> np.ndarray:
    """(n, 2) the lowest whole-number orders by frequency, one of each +- pair, below `HIGHEST_CPP`."""
    h, k = np.mgrid[-12:13, -12:13]
    orders = np.column_stack([h.ravel(), k.ravel()])
    orders = orders[(orders[:, 0] > 0) | ((orders[:, 0] == 0) & (orders[:, 1] > 0))]
    length = np.hypot(*(orders @ vectors).T)
    order = np.argsort(length, kind="stable")
    return orders[order][: int(min(most, (length < HIGHEST_CPP).sum()))]


def measure(waves: Demodulator, vectors: np.ndarray, weight: np.ndarray | None = None) -> Coherence:
    """Local strength of the lattice `vectors`; `weight` (rows, columns) says where its reflections are
    ranked."""
    orders = half_plane_orders(vectors)
    if len(orders) < 2:
        raise ValueError("the cell is finer than the image's sampling")
    frequencies = orders @ vectors
    fields = np.stack([waves.field(f) for f in frequencies])
    power = intensity(fields)
    rank = (power if weight is None or not weight.any() else power * weight).mean(axis=(1, 2))
    strongest = np.argsort(-rank)[:STRONGEST]
    noise = _between_reflections(waves, vectors, orders[strongest])
    # Reflections far below the strongest, or not above disorder, add noise and nothing else.
    floor = float((noise if weight is None or not weight.any() else noise * weight).mean())
    bright = rank[strongest] > max(0.02 * rank[strongest[0]], 2.0 * floor)
    strongest = strongest[bright] if bright.sum() >= 2 else strongest[:2]
    squares = power[strongest].sum(axis=0) - len(strongest) * noise
    return Coherence(
        vectors, orders, fields, strongest, np.sqrt(np.maximum(squares, 0.0)).astype(np.float32), noise
    )


def _between_reflections(waves: Demodulator, vectors: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Mean square half-way between reflections, as far out as the given ones."""
    halves = {
        tuple(order + half * np.array([0.5, 0.5])) for order in orders for half in (1.0, -1.0)
    }  # fmt: skip
    places = np.array(sorted(halves)) @ vectors
    length = np.hypot(places[:, 0], places[:, 1])
    outer = max(float(np.hypot(*(orders @ vectors).T).max()), float(length.min()))
    places = places[(length <= min(1.3 * outer, HIGHEST_CPP + 0.04)) & (length > 0.0)][:10]
    total = np.zeros(waves.grid, dtype=np.float32)
    for place in places:
        wave = waves.field(place)
        total += intensity(wave)
    blur = max(1.0, waves.sigma_px / waves.step_px)
    return ndimage.gaussian_filter(total / max(len(places), 1), blur, mode="nearest", truncate=3.0)


def sharpen(measured: Coherence, step_px: int) -> np.ndarray:
    """Better reciprocal vectors (2, 2): take off the mean turn of each strong reflection's phase.

    The turn over one square fixes the turn over two without doubt about whole turns, that over two the one
    over four, and so on across the frame.
    """
    trust = measured.strength**2
    shifts, weights = [], []
    for index in measured.strongest:
        wave = measured.fields[index] * trust
        (down, steady_down), (across, steady_across) = _turn(wave, 0), _turn(wave, 1)
        shifts.append([down / step_px, across / step_px])
        # A turn is known equally well for low and high orders, if the phase keeps step over the frame at all.
        weights.append(float(np.abs(wave).sum()) * (steady_down * steady_across) ** 2)
    orders = measured.orders[measured.strongest]
    wanted = orders @ measured.vectors + np.array(shifts)
    if np.linalg.matrix_rank(orders) < 2:
        return measured.vectors
    root = np.sqrt(np.array(weights))[:, None]
    return np.linalg.lstsq(orders * root, wanted * root, rcond=None)[0]


def _turn(wave: np.ndarray, axis: int) -> tuple[float, float]:
    """Mean turn of the phase per grid square along `axis`, in whole turns, and how steady it is, 0..1."""
    wave = np.moveaxis(wave, axis, 0)
    turn, steady, lag = 0.0, 0.0, 1
    while lag <= max(wave.shape[0] // 2, 1):
        product = wave[lag:] * np.conj(wave[:-lag])
        total, most = product.sum(), float(np.abs(product).sum())
        steady = float(abs(total)) / most if most > 0.0 else 0.0
        if steady < LEAST_STEADY:
            break
        turn += float(np.angle(total * np.exp(-2j * np.pi * turn * lag))) / (2 * np.pi * lag)
        lag *= 2
    return turn, steady
