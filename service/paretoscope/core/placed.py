"""A lattice, known or estimated, placed in an image: where it is, how dense, and what to tell the reader."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paretoscope.core.expectation import LATTICE, VACUUM
from paretoscope.core.grains import with_other_grains
from paretoscope.core.lattice import Lattice
from paretoscope.core.motif import Motif
from paretoscope.core.occupancy import kinds
from paretoscope.core.orient import orient
from paretoscope.core.recognise import recognise
from paretoscope.core.spectrum import (
    LEAST_CELLS,
    EstimatedCell,
    Examined,
    Survey,
    examine,
    fold_inside,
    survey,
)

CALIBRATION = 0.12
"""A pixel size may be this far out and the given lattice is still recognised."""
WORTH_SAYING = 0.005
"""A scale that differs by more than this is reported."""
DOUBTFUL = 0.5
"""Below this confidence an estimate is called one."""


@dataclass(frozen=True)
class Placed:
    lattice_seen: bool
    reason: str
    """Why no lattice is seen; empty where one is."""
    mask: np.ndarray
    """(rows, columns) uint8 area kinds; empty where no lattice is seen."""
    step_px: int
    density_per_px: float
    neighbour_px: float
    label: str | None
    note: str | None
    found: Examined | None = None
    """The lattice in detail, where one is seen ..."""
    darkest: float = 0.0
    """... and how far the darkest place of its cell lies below the cell's mean, negative, image units."""


def place(image: np.ndarray, given: Lattice | None, pixels_nm: np.ndarray | None) -> Placed:
    """Find the given cell in the image, or the image's own where none is given.

    image: (rows, columns) float32.  pixels_nm: (2,) along (rows, columns); needed with `given`.
    """
    seen = survey(image)
    if given is not None and pixels_nm is not None:
        return _given(image, seen, given, pixels_nm)
    if seen.cell is None or seen.found is None:
        return _nowhere(seen.reason)
    note = None
    if seen.cell.confidence < DOUBTFUL:
        note = f"the estimated cell is doubtful (confidence {seen.cell.confidence:.2f}); give the lattice"
    label = f"{seen.cell.describe()} (estimated)"
    return _finish(
        image, seen.found, seen.motif, seen.cell.density_per_px, seen.cell.neighbour_px, label, note
    )


def _given(image: np.ndarray, seen: Survey, given: Lattice, pixels_nm: np.ndarray) -> Placed:
    """By the cell that the image shows, if that is the given one; else by turning the given one to fit."""
    pixel_area = float(pixels_nm.prod())
    neighbour = given.nearest_neighbour_nm / float(np.sqrt(pixel_area))
    placed: tuple[Examined, Motif | None, float] | None = None
    if seen.cell is not None and seen.found is not None:
        edges = recognise(seen.cell.vectors_px * pixels_nm, given.vectors_nm)
        if edges is not None:
            placed = seen.found, seen.motif, abs(float(np.linalg.det(edges))) / pixel_area
    if placed is None:
        turned = orient(np.linalg.inv(given.vectors_nm / pixels_nm).T, seen.peaks, CALIBRATION)
        found = None if turned is None else examine(image, turned.vectors)
        if found is not None and _cells(found) >= LEAST_CELLS:
            placed = found, fold_inside(found), 1.0 / abs(float(np.linalg.det(found.measured.vectors)))
    if placed is not None:
        found, motif, area_px = placed
        scale = float(np.sqrt(area_px * pixel_area / given.area_nm2))
        note = _calibration(given, scale)
        density = len(given.basis) / area_px
        return _finish(image, found, motif, density, neighbour * scale, given.label, note)
    if seen.cell is None or seen.found is None:
        return _nowhere(seen.reason)
    instead = _in_nm(seen.cell, pixels_nm)
    note = f"the spectrum does not show the given lattice but {instead}; its area is used"
    nominal = given.density_per_nm2 * pixel_area
    return _finish(image, seen.found, seen.motif, nominal, neighbour, given.label, note)


def _finish(
    image: np.ndarray,
    found: Examined,
    motif: Motif | None,
    density: float,
    neighbour: float,
    label: str,
    note: str | None,
) -> Placed:
    """Name the kinds of area, with further grains of the same crystal."""
    waves = found.waves
    darkest = float(motif.cell.min()) if motif is not None else -2.0 * float(np.median(np.abs(waves.flat)))
    mask = kinds(found.lattice, waves, darkest)
    lattice, grains = with_other_grains(image, found.measured.vectors, found.lattice, mask == VACUUM, waves)
    if grains:
        mask = np.where(lattice, LATTICE, mask).astype(np.uint8)
        more = f"{grains + 1} grains of it are counted"
        note = f"{note}; {more}" if note else more
    return Placed(True, "", mask, waves.step_px, density, neighbour, label, note, found, darkest)


def _nowhere(reason: str) -> Placed:
    return Placed(False, reason, np.zeros((0, 0), dtype=np.uint8), 1, 0.0, 0.0, None, None)


def _cells(found: Examined) -> float:
    return (
        float(found.lattice.sum())
        * found.waves.step_px**2
        * abs(float(np.linalg.det(found.measured.vectors)))
    )


def _calibration(given: Lattice, scale: float) -> str | None:
    if abs(scale - 1.0) < WORTH_SAYING:
        return None
    return (
        f"the spectrum says a = {given.a_nm * scale:.4f} nm, given {given.a_nm:.4f} nm: {scale - 1.0:+.1%}; "
        "atoms are counted by the spectrum, check the pixel size"
    )


def _in_nm(cell: EstimatedCell, pixels_nm: np.ndarray) -> str:
    a, b = np.hypot(*(cell.vectors_px * pixels_nm).T)
    return f"a cell of {a:.3f} x {b:.3f} nm"
