"""How many atoms there should be and where: what the rewards are measured against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from paretoscope.contract import ExpectedCount

VACUUM, LATTICE, DISORDERED = 0, 1, 2
"""Area kinds. Vacuum: nothing there, so a detection in it is false. Lattice: the area that N_expected counts.
Disordered: atoms, but no lattice to say how many; neither expected nor counted."""

CLOSE = 0.6
"""Atoms nearer to each other than this share of the lattice's nearest-neighbour distance count in ER.

Thermal motion, scan distortion and noise move columns by less than a tenth of that distance, and real strain
by less still; two detections of one atom lie within about 0.4 of it. The papers' code reads fixed lengths off
single images, which break with the magnification.
"""

SOURCES = ("lattice-occupied-area", "lattice-whole-image", "density", "count")


@dataclass(frozen=True)
class Expectation:
    """Expected atoms of a frame or of a window of it. Coordinates stay those of the frame.

    y grows downwards; the centre of the top-left pixel is (0, 0).
    """

    n_expected: float
    """Atoms expected in `window`; 0 where it holds no counted area."""
    source: str
    """'lattice-occupied-area', 'lattice-whole-image', 'density' or 'count'."""
    label: str | None
    """'SrTiO3 (given by name)', 'a=12.1 px, b=12.1 px, gamma=90.0 deg, 2 columns (estimated)', ..."""
    neighbour_px: float
    """Expected nearest-neighbour distance, px."""
    minimum_distance_px: float
    """Atoms closer than this count in ER, px: `CLOSE` x neighbour_px."""
    density_per_px: float
    """Atoms per square pixel of counted area."""
    area_px: float
    """Counted area inside `window`, square px."""
    mask: np.ndarray
    """(rows, columns) uint8 of the whole frame, one value per `mask_step_px` square: see `VACUUM` ..."""
    mask_step_px: int
    note: str | None
    """What the reader must know: a guess, a fallback, a calibration that does not fit."""
    shape: tuple[int, int]
    """(rows, columns) of the whole frame, px."""
    window: tuple[int, int, int, int]
    """(y0, x0, height, width), px."""
    counted_kinds: tuple[int, ...] = (LATTICE,)
    """Kinds that N_expected covers; N_found leaves out disordered atoms unless that kind is among them."""
    blob_sigma_px: float | None = None
    """Width of a scattered atom as measured on the image, standard deviation: it says at which scales to
    look where no distance between neighbours does. None where one does (a lattice, a dense film)."""
    reciprocal_cpp: tuple[tuple[float, float], tuple[float, float]] | None = None
    """Reciprocal vectors of the lattice as seen in the image, (y, x), cycles per px."""

    @classmethod
    def over_frame(
        cls,
        shape: tuple[int, int],
        mask: np.ndarray,
        mask_step_px: int,
        density_per_px: float,
        neighbour_px: float,
        source: str,
        label: str | None = None,
        note: str | None = None,
        counted_kinds: tuple[int, ...] = (LATTICE,),
        blob_sigma_px: float | None = None,
        reciprocal_cpp: tuple[tuple[float, float], tuple[float, float]] | None = None,
    ) -> Expectation:
        """The whole frame: density times the area of the counted kinds."""
        whole = cls(
            0.0, source, label, neighbour_px, CLOSE * neighbour_px, density_per_px, 0.0, mask, mask_step_px,
            note, shape, (0, 0, *shape), counted_kinds, blob_sigma_px, reciprocal_cpp,
        )  # fmt: skip
        return whole.inside(0, 0, *shape)

    def kind_at(self, y_px: np.ndarray, x_px: np.ndarray) -> np.ndarray:
        """(n,) uint8 area kind under each position; positions outside take the nearest one inside."""
        rows, columns = self.mask.shape
        # Cut off at zero first, then truncating is rounding down.
        row = (np.maximum(np.asarray(y_px) + 0.5, 0) / self.mask_step_px).astype(np.intp)
        column = (np.maximum(np.asarray(x_px) + 0.5, 0) / self.mask_step_px).astype(np.intp)
        return self.mask[np.minimum(row, rows - 1), np.minimum(column, columns - 1)]

    def counts(self, y_px: np.ndarray, x_px: np.ndarray) -> np.ndarray:
        """(n,) bool: does an atom found there belong to N_found? In vacuum and in counted areas it does."""
        return self._counts_kind[self.kind_at(y_px, x_px)]

    def inside(self, y0: int, x0: int, height: int, width: int) -> Expectation:
        """The same for a window, at the cost of four look-ups."""
        y1, x1 = min(y0 + height, self.shape[0]), min(x0 + width, self.shape[1])
        y0, x0 = max(y0, 0), max(x0, 0)
        area = 0.0
        if y1 > y0 and x1 > x0:
            area = self._sum_to(y1, x1) - self._sum_to(y0, x1) - self._sum_to(y1, x0) + self._sum_to(y0, x0)
        area = max(area, 0.0)
        part = replace(
            self,
            n_expected=self.density_per_px * area,
            area_px=area,
            window=(y0, x0, max(y1 - y0, 0), max(x1 - x0, 0)),
        )
        # The running sums belong to the frame: windows share them.
        part.__dict__["_cumulative"] = self._cumulative
        part.__dict__["_counts_kind"] = self._counts_kind
        return part

    def document(self) -> ExpectedCount | None:
        """For the front; None where nothing is expected."""
        if not self.n_expected > 0.0:
            return None
        return ExpectedCount(
            value=float(self.n_expected),
            source=self.source,  # pyright: ignore[reportArgumentType]
            lattice=self.label,
            area_px=float(self.area_px),
            density_per_px=float(self.density_per_px),
            neighbour_px=float(self.neighbour_px),
            minimum_distance_px=float(self.minimum_distance_px),
            reciprocal_cpp=self.reciprocal_cpp,
            note=self.note,
        )

    @cached_property
    def _counts_kind(self) -> np.ndarray:
        table = np.array([True, True, False])
        table[list(self.counted_kinds)] = True
        return table

    @cached_property
    def _cumulative(self) -> np.ndarray:
        """(mask rows + 1, mask columns + 1) float64: counted area above and left of each mask corner, px."""
        counted = np.isin(self.mask, self.counted_kinds).astype(float)
        heights = np.diff(self._edges(0))
        widths = np.diff(self._edges(1))
        total = np.zeros((counted.shape[0] + 1, counted.shape[1] + 1))
        total[1:, 1:] = (counted * heights[:, None] * widths[None, :]).cumsum(0).cumsum(1)
        return total

    def _edges(self, axis: int) -> np.ndarray:
        return np.minimum(np.arange(self.mask.shape[axis] + 1) * self.mask_step_px, self.shape[axis])

    def _sum_to(self, y: int, x: int) -> float:
        """Counted area of rows < y and columns < x, px; linear inside a mask square, hence exact."""
        (i, s), (j, t) = self._place(y, 0), self._place(x, 1)
        c = self._cumulative
        upper = c[i, j] * (1 - t) + c[i, j + 1] * t
        lower = c[i + 1, j] * (1 - t) + c[i + 1, j + 1] * t
        return float(upper * (1 - s) + lower * s)

    def _place(self, position: int, axis: int) -> tuple[int, float]:
        index = min(position // self.mask_step_px, self.mask.shape[axis] - 1)
        start = index * self.mask_step_px
        end = min(start + self.mask_step_px, self.shape[axis])
        return index, (position - start) / (end - start)
