"""`estimate_cell`: the projected unit cell of an image from its own spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paretoscope.core.cell_search import ReciprocalCell, index_peaks, search_cell
from paretoscope.core.coherence import Coherence, measure, sharpen
from paretoscope.core.demodulate import Demodulator
from paretoscope.core.fundamental import settle
from paretoscope.core.lattice import nearest_neighbour, reduce_basis
from paretoscope.core.motif import Motif, fold
from paretoscope.core.occupancy import grid_step_px, lattice_area
from paretoscope.core.reflections import Reflections, find_reflections

LEAST_CELLS = 6.0
"""A lattice covers at least this many cells, or it is none."""
LEAST_NEW = 0.1
"""A second look at the lattice's area alone must show this much weight of peaks that the first cell
misses."""
LEAST_EXPLAINED = 0.35
"""Share of the peaks' weight that a cell must explain: of two equal grains each has one half."""


@dataclass(frozen=True)
class EstimatedCell:
    """A cell measured in an image."""

    vectors_px: np.ndarray
    """(2, 2) float64, rows a, b as (y, x), px; reduced: a is the shortest lattice vector."""
    basis: np.ndarray
    """(columns, 2) float64, fractions of a and b, brightest first."""
    heights: np.ndarray
    """(columns,) float64, brightness over the darkest place of the cell, 1 = the brightest column."""
    coherence: float
    """Share of the frame that this lattice covers, 0..1."""
    confidence: float
    """0..1: how much of the spectrum the cell explains, times how far it stands above disorder."""

    @property
    def area_px(self) -> float:
        return abs(float(np.linalg.det(self.vectors_px)))

    @property
    def density_per_px(self) -> float:
        """Columns per square pixel."""
        return len(self.basis) / self.area_px

    @property
    def neighbour_px(self) -> float:
        """Distance between nearest columns, px."""
        return nearest_neighbour(self.vectors_px, self.basis)

    def describe(self) -> str:
        """'a=12.10 px, b=12.10 px, gamma=90.0 deg, 2 columns'."""
        a, b = np.hypot(self.vectors_px[:, 0], self.vectors_px[:, 1])
        cosine = np.clip(self.vectors_px[0] @ self.vectors_px[1] / (a * b), -1, 1)
        columns = "1 column" if len(self.basis) == 1 else f"{len(self.basis)} columns"
        return f"a={a:.2f} px, b={b:.2f} px, gamma={np.degrees(np.arccos(cosine)):.1f} deg, {columns}"


@dataclass(frozen=True)
class Examined:
    """Reciprocal vectors, set right by the image's phases, and where their lattice is."""

    waves: Demodulator
    measured: Coherence
    lattice: np.ndarray
    """(rows, columns) bool on the grid of `waves`."""


@dataclass(frozen=True)
class Survey:
    """Everything that was learnt on the way to a cell, for the occupancy mask and the expected count."""

    cell: EstimatedCell | None
    reason: str
    """Why there is no cell; empty where there is one."""
    peaks: Reflections
    found: Examined | None = None
    motif: Motif | None = None


def estimate_cell(image: np.ndarray) -> EstimatedCell | None:
    """The cell of `image` (rows, columns) float32 in [0, 1]; None where it shows no lattice."""
    return survey(image).cell


def survey(image: np.ndarray) -> Survey:
    """Find the cell, where it is, and what it holds. `reason` says why there is none."""
    image = np.ascontiguousarray(image, dtype=np.float32)
    peaks = find_reflections(_without_slopes(image))
    first = search_cell(peaks)
    if first is None:
        return Survey(None, "the spectrum shows no two independent reflections", peaks)
    if first.explained < LEAST_EXPLAINED:
        return Survey(None, f"no cell explains more than {first.explained:.0%} of the reflections", peaks)
    found = _settled(image, examine(image, first.vectors))
    if found.lattice.mean() < 0.9 or first.explained < 0.9:
        # Holes and borders of the sample hide weak reflections: look again where the lattice is.
        again_peaks = find_reflections(found.waves.flat, _soft(found.lattice, found.waves))
        _, known = index_peaks(found.measured.vectors, again_peaks)
        again = search_cell(again_peaks)
        missed = float(again_peaks.weight[~known].sum())
        if again is not None and missed > LEAST_NEW and again.explained >= min(first.explained, 0.85):
            peaks, first = again_peaks, again
            found = _settled(image, examine(image, again.vectors))
    return conclude(found, peaks, first)


def _without_slopes(image: np.ndarray) -> np.ndarray:
    """The image less its local mean over a twenty-fifth of the frame: steps at holes would ring in the
    spectrum."""
    return background_waves(image).flat


def background_waves(image: np.ndarray) -> Demodulator:
    """Local means over a twenty-fifth of the frame, on a grid two and a half times finer."""
    sigma_px = max(min(image.shape) / 25.0, 4.0)
    return Demodulator(image, sigma_px, max(int(sigma_px / 2.5), 1))


def _settled(image: np.ndarray, found: Examined) -> Examined:
    """The same with neither overtones nor sub-harmonics."""
    before = found.measured.vectors
    after = settle(image, before, found.lattice, found.waves.step_px)
    if abs(abs(np.linalg.det(after)) / abs(np.linalg.det(before)) - 1.0) < 0.05:
        return found
    return examine(image, after)


def examine(image: np.ndarray, vectors: np.ndarray, coarser: int = 1) -> Examined:
    """Demodulate with the reciprocal `vectors`, set them right by the phases, and say where the lattice
    is.

    coarser: look at so many times longer stretches at once, on a grid so many times wider (large frames).
    """
    shortest = float(np.hypot(vectors[:, 0], vectors[:, 1]).min())
    step_px = coarser * grid_step_px(1.0 / np.sqrt(abs(np.linalg.det(vectors))))
    wider = 1.0
    while True:
        sigma_px = coarser * wider * 0.6 / shortest
        waves = Demodulator(image, sigma_px, step_px)
        measured = measure(waves, vectors)
        weight = measured.strength**2
        sharper = sharpen(measured, step_px)
        if np.abs(sharper - vectors).max() < 1.5 / min(image.shape):
            vectors = sharper
        measured = measure(waves, vectors, weight)
        # Few electrons: look at more cells at once.
        if measured.signal_to_noise > 4.0 or wider > 2.5:
            break
        wider *= 1.6
    return Examined(waves, measured, lattice_area(measured, waves))


def fold_inside(found: Examined) -> Motif | None:
    """The average cell, mostly from well inside: at a hole's edge the background is steep and weak orders
    suffer."""
    waves = found.waves
    weight = found.lattice * np.maximum(2.0 * waves.share_of(found.lattice) - 1.0, 0.0) ** 2
    return fold(found.measured, weight.astype(np.float32), waves.sigma_px, waves.step_px)


def conclude(found: Examined, peaks: Reflections, indexed: ReciprocalCell) -> Survey:
    waves, measured, lattice = found.waves, found.measured, found.lattice
    vectors, coefficients = reduce_basis(np.linalg.inv(measured.vectors).T)
    if vectors[0] @ vectors[1] > 0.0:
        # The usual choice: 120 degrees rather than 60.
        vectors, coefficients = vectors * [[1.0], [-1.0]], coefficients * [[1.0], [-1.0]]
    cells = float(lattice.sum()) * waves.step_px**2 / abs(float(np.linalg.det(vectors)))
    if cells < LEAST_CELLS:
        return Survey(None, f"the reflections hold together over only {cells:.0f} cells", peaks)
    motif = fold_inside(found)
    if motif is None:
        return Survey(None, "the cell fades when it is averaged over the frame", peaks)
    # Fractions belong to the real vectors before their reduction: r = f @ old = f @ inv(coefficients) @
    # reduced.
    basis = (motif.columns @ np.linalg.inv(coefficients)) % 1.0
    signal = measured.signal_to_noise
    cell = EstimatedCell(
        vectors, basis, motif.heights, float(lattice.mean()), indexed.explained * signal / (1.0 + signal)
    )
    return Survey(cell, "", peaks, found, motif)


def _soft(lattice: np.ndarray, waves: Demodulator) -> np.ndarray:
    """The area as a weight on every pixel."""
    return waves.spread(lattice.astype(np.float32))
