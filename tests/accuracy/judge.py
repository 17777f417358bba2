"""Simulated scenes with their truth, and how a result compares with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

import paretoscope as ps
from paretoscope_sim import make_sample
from paretoscope_sim.imaging import Scan, ideal, render

GRAPHENE = {"vacancies": 3, "dopants": 3, "stone_wales": 0, "holes": 0, "amorphous_radius_nm": 0.0}


@dataclass(frozen=True)
class Scene:
    image: np.ndarray
    places: np.ndarray
    """(n, 2) as (y, x), px."""
    species: np.ndarray
    apart_px: float
    pixel_nm: float


def scene(
    name: str,
    pixel_nm: float,
    side: int = 160,
    dwell_us: float = 32.0,
    hole: float = 0.0,
    seed: int = 0,
    still: bool = False,
    **options: float,
) -> Scene:
    """hole: share of the frame that a round hole takes.  still: no scan distortion, drift or dirt."""
    field = side * pixel_nm
    sample = make_sample(name, field_nm=field, seed=seed, **options)
    if hole:
        radius = field * np.sqrt(hole / np.pi)
        sample = sample.take(np.hypot(sample.y_nm - field / 2, sample.x_nm - field / 2) > radius)
    scan = Scan(shape=(side, side), field_of_view_nm=field, dwell_us=dwell_us)
    frame = render(sample, ideal(scan) if still else scan, seed)
    seen = frame.truth.visible()
    places = np.column_stack([seen.y_px, seen.x_px])
    return Scene(frame.image, places, seen.sample.species, sample.bond_nm / pixel_nm, pixel_nm)


def found(result: ps.Analysis) -> np.ndarray:
    return np.column_stack([result.atoms["y_px"], result.atoms["x_px"]])


def pairs(places: np.ndarray, at: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Indices of found and of true atoms within 0.4 of the neighbour distance, each used once."""
    apart = np.linalg.norm(places[:, None] - at.places[None], axis=2)
    rows, columns = linear_sum_assignment(np.where(apart <= 0.4 * at.apart_px, apart, 1e6))
    good = apart[rows, columns] <= 0.4 * at.apart_px
    return rows[good], columns[good]


def inner(places: np.ndarray, at: Scene) -> np.ndarray:
    """(n,) bool: not within half a neighbour distance of the frame's edge."""
    low, high = 0.5 * at.apart_px, np.array(at.image.shape) - 1 - 0.5 * at.apart_px
    return ((places >= low) & (places <= high)).all(axis=1)


def judged(places: np.ndarray, at: Scene) -> tuple[float, float]:
    """Precision and recall away from the frame's edge."""
    rows, columns = pairs(places, at)
    inner_found, inner_true = inner(places, at), inner(at.places, at)
    precision = inner_found[rows].sum() / max(inner_found.sum(), 1)
    return float(precision), float(inner_true[columns].sum() / inner_true.sum())
