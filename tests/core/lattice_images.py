"""Small simulated images with exact truth, for the tests of lattice, spectrum, occupancy and count.

Only Gaussian columns, dose and areas: enough to know the right answer to the last atom.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

HEXAGONAL = (1.0, 1.0, 120.0)
CELLS: dict[str, tuple[tuple[float, float, float], list[tuple[float, float, float]]]] = {
    "graphene": (HEXAGONAL, [(1 / 3, 2 / 3, 1.0), (2 / 3, 1 / 3, 1.0)]),
    "MoS2": (HEXAGONAL, [(1 / 3, 2 / 3, 1.0), (2 / 3, 1 / 3, 0.45)]),
    "perovskite": ((1.0, 1.0, 90.0), [(0.0, 0.0, 1.0), (0.5, 0.5, 0.5)]),
    "square": ((1.0, 1.0, 90.0), [(0.0, 0.0, 1.0)]),
    "oblique": ((1.0, 1.35, 104.0), [(0.0, 0.0, 1.0)]),
    "rectangle": ((1.0, 1.42, 90.0), [(0.0, 0.0, 1.0), (0.5, 0.42, 0.6)]),
    "dumbbell": ((1.0, 0.7071, 90.0), [(0, 0, 1.0), (0.25, 0, 1.0), (0.5, 0.5, 1.0), (0.75, 0.5, 1.0)]),
}
"""name -> ((a, b, gamma) in units of a, [(x, y, brightness)] in fractions)."""


@dataclass(frozen=True)
class Scene:
    image: np.ndarray
    """(rows, columns) float32 in [0, 1]."""
    y_px: np.ndarray
    x_px: np.ndarray
    """Every lattice atom inside the frame."""
    kinds: np.ndarray
    """(rows, columns) uint8: 0 vacuum, 1 lattice, 2 disordered."""
    vectors_px: np.ndarray
    """(2, 2) rows a, b as (y, x)."""
    columns: int


def lattice_points(kind, a_px, angle_deg, shape, margin=0.0, shift=(0.0, 0.0)):
    """Places y, x and brightness of every column in the frame widened by `margin`, and the vectors."""
    (a, b, gamma), basis = CELLS[kind]
    t, g = np.radians(angle_deg), np.radians(gamma)
    va = a * a_px * np.array([np.sin(t), np.cos(t)])
    vb = b * a_px * np.array([np.sin(t + g), np.cos(t + g)])
    vectors = np.array([va, vb])
    centre = np.array(shape) / 2.0 + np.array(shift)
    reach = int(np.hypot(*shape) / min(np.hypot(*va), np.hypot(*vb)) / max(np.sin(g), 0.3)) + 4
    i, j = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    places, bright = [], []
    for x, y, z in basis:
        places.append(((i.ravel() + x)[:, None] * va) + ((j.ravel() + y)[:, None] * vb) + centre)
        bright.append(np.full(i.size, z))
    places, bright = np.concatenate(places), np.concatenate(bright)
    inside = np.all((places >= -0.5 - margin) & (places < np.array(shape) - 0.5 + margin), axis=1)
    return places[inside, 0], places[inside, 1], bright[inside], vectors


def draw(y_px, x_px, bright, sigma_px, shape):
    """Sum of Gaussian columns at sub-pixel places, (rows, columns) float64."""
    image = np.zeros(shape)
    reach = int(np.ceil(4 * sigma_px))
    offsets = np.arange(-reach, reach + 1)
    yi, xi = np.round(y_px).astype(int), np.round(x_px).astype(int)
    rows, columns = yi[:, None] + offsets, xi[:, None] + offsets
    gy = np.exp(-((rows - y_px[:, None]) ** 2) / (2 * sigma_px**2))
    gx = np.exp(-((columns - x_px[:, None]) ** 2) / (2 * sigma_px**2))
    for n in range(len(y_px)):
        r = (rows[n] >= 0) & (rows[n] < shape[0])
        c = (columns[n] >= 0) & (columns[n] < shape[1])
        image[np.ix_(rows[n][r], columns[n][c])] += bright[n] * np.outer(gy[n][r], gx[n][c])
    return image


def disc(shape, share, centre=(0.5, 0.5)):
    """(rows, columns) bool: a disc that covers `share` of the frame."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    radius2 = share * shape[0] * shape[1] / np.pi
    return (y - centre[0] * shape[0]) ** 2 + (x - centre[1] * shape[1]) ** 2 < radius2


def random_film(shape, distance_px, sigma_px, rng, bright=1.0):
    """An amorphous film: random columns that keep a distance."""
    grid = 0.9 * distance_px
    y, x = np.mgrid[-2 : shape[0] / grid + 2, -2 : shape[1] / grid + 2] * grid
    y = y.ravel() + rng.uniform(-0.5, 0.5, y.size) * grid
    x = x.ravel() + rng.uniform(-0.5, 0.5, x.size) * grid
    return draw(y, x, bright * rng.uniform(0.6, 1.0, y.size), sigma_px, shape)


def scene(
    kind="graphene", a_px=16.0, angle_deg=12.0, shape=(256, 256), hole=None, film=None, dose=None, seed=0,
    background=0.15, sigma=None, displace=None, shift=(0.3, -0.7), vacancies=0.0,
):  # fmt: skip
    """One image.

    hole, film: (rows, columns) bool vacuum and amorphous film.  dose: counts at a bright column's peak,
    None = noise-free.  displace: function (y, x) -> (dy, dx).  sigma: column width in nearest neighbours.
    """
    rng = np.random.default_rng(seed)
    margin = 2 * a_px
    y, x, bright, vectors = lattice_points(kind, a_px, angle_deg, shape, margin, shift)
    (_, _, _), basis = CELLS[kind]
    fractions = np.array([(bx, by) for bx, by, _ in basis])
    from paretoscope.core.lattice import nearest_neighbour

    neighbour = nearest_neighbour(vectors, fractions)
    sigma_px = (sigma or 0.22) * neighbour
    if displace is not None:
        dy, dx = displace(y, x)
        y, x = y + dy, x + dx
    kinds = np.ones(shape, dtype=np.uint8)
    if hole is not None:
        kinds[hole] = 0
    if film is not None:
        kinds[film] = 2
    row = np.clip(np.round(y).astype(int), 0, shape[0] - 1)
    column = np.clip(np.round(x).astype(int), 0, shape[1] - 1)
    alive = (kinds[row, column] == 1) & (rng.random(len(y)) >= vacancies)
    y, x, bright = y[alive], x[alive], bright[alive]
    base = draw(y, x, bright, sigma_px, shape)
    if film is not None:
        patch = random_film(shape, neighbour, sigma_px, rng)
        base += np.where(film, patch, 0.0)
    thickness = gaussian_filter((kinds != 0).astype(float), 0.5 * neighbour)
    base += background * (0.2 + thickness)
    if dose is not None:
        base = rng.poisson(base * dose).astype(float)
    image = (base - base.min()) / (base.max() - base.min())
    inside = (y >= -0.5) & (y < shape[0] - 0.5) & (x >= -0.5) & (x < shape[1] - 0.5)
    return Scene(image.astype(np.float32), y[inside], x[inside], kinds, vectors, len(basis))
