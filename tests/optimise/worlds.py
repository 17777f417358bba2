"""Small images with known atoms, for the tests of the search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import KDTree

from paretoscope.core.expectation import Expectation


@dataclass(frozen=True)
class World:
    image: np.ndarray
    """(rows, columns) float32 in [0, 1]."""
    y_px: np.ndarray
    x_px: np.ndarray
    neighbour_px: float
    density_per_px: float
    hole: np.ndarray
    """(rows, columns) bool: where there are no atoms."""


def world(
    size: int = 128,
    neighbour_px: float = 9.0,
    lattice: str = "graphene",
    counts: float = 30.0,
    hole_share: float = 0.0,
    width: float = 0.3,
    seed: int = 0,
    angle_deg: float = 0.0,
) -> World:
    """Gaussian columns of `width` neighbour distances under Poisson noise of `counts` per peak."""
    rng = np.random.default_rng(seed)
    d = neighbour_px
    if lattice == "graphene":
        a, b = np.array([0.0, np.sqrt(3) * d]), np.array([1.5 * d, np.sqrt(3) / 2 * d])
        basis, weights = [(0.0, 0.0), (1 / 3, 1 / 3)], (1.0, 1.0)
    else:  # two sublattices of a perovskite: strong and weak columns
        side = d * np.sqrt(2)
        a, b = np.array([0.0, side]), np.array([side, 0.0])
        basis, weights = [(0.0, 0.0), (0.5, 0.5)], (1.0, 0.45)
    turn = np.deg2rad(angle_deg)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    a, b = rotation @ a, rotation @ b
    n = int(3 * size / d)
    index = np.stack(np.meshgrid(np.arange(-n, n), np.arange(-n, n), indexing="ij"), -1).reshape(-1, 2)
    shift = rng.uniform(0, d, 2)
    sites = [index @ np.vstack([a, b]) + fy * a + fx * b + shift for fy, fx in basis]
    weight = np.concatenate([np.full(len(s), w) for s, w in zip(sites, weights, strict=True)])
    sites = np.concatenate(sites) + rng.normal(0, 0.02 * d, (len(weight), 2))
    inside = ((sites > -0.4) & (sites < size - 0.6)).all(axis=1)
    sites, weight = sites[inside], weight[inside]
    hole = np.zeros((size, size), dtype=bool)
    if hole_share:
        radius = np.sqrt(hole_share * size * size / np.pi)
        centre = np.array([size * 0.45, size * 0.55])
        yy, xx = np.mgrid[:size, :size]
        hole = np.hypot(yy - centre[0], xx - centre[1]) < radius
        keep = np.hypot(*(sites - centre).T) >= radius
        sites, weight = sites[keep], weight[keep]
    yy, xx = np.mgrid[:size, :size]
    image = np.full((size, size), 0.15)
    sigma = width * d
    for (y, x), w in zip(sites, weight, strict=True):
        r = int(4 * sigma) + 1
        ys, xs = slice(max(int(y) - r, 0), int(y) + r + 1), slice(max(int(x) - r, 0), int(x) + r + 1)
        image[ys, xs] += w * np.exp(-((yy[ys, xs] - y) ** 2 + (xx[ys, xs] - x) ** 2) / (2 * sigma**2))
    image = rng.poisson(image * counts).astype(np.float64)
    image = (image - image.min()) / (image.max() - image.min())
    cell = abs(np.linalg.det(np.vstack([a, b])))
    return World(image.astype(np.float32), sites[:, 0], sites[:, 1], d, len(basis) / cell, hole)


def f1(world: World, y_px: np.ndarray, x_px: np.ndarray) -> float:
    """Harmonic mean of precision and recall; a match is mutual-nearest and within 0.4 neighbour distances."""
    if len(y_px) == 0:
        return 0.0
    truth = KDTree(np.column_stack([world.y_px, world.x_px]))
    found = KDTree(np.column_stack([y_px, x_px]))
    distance, nearest = truth.query(found.data)
    _, back = found.query(truth.data)
    hits = np.count_nonzero((distance < 0.4 * world.neighbour_px) & (back[nearest] == np.arange(len(y_px))))
    return 2.0 * hits / (len(y_px) + len(world.y_px))


def flat_expectation(
    n_expected: float,
    neighbour_px: float,
    shape: tuple[int, int] = (12, 12),
    disordered: np.ndarray | None = None,
) -> Expectation:
    """`n_expected` atoms over the lattice area of a frame, which is all of it but for `disordered`."""
    mask = (
        np.ones(shape, dtype=np.uint8) if disordered is None else np.where(disordered, 2, 1).astype(np.uint8)
    )
    density = n_expected / max(int((mask == 1).sum()), 1)
    return Expectation.over_frame(shape, mask, 1, density, neighbour_px, "lattice-occupied-area")


def expectation(world: World) -> Expectation:
    """What a faultless lattice estimate would expect: the truth's density over the truth's area."""
    mask = np.where(world.hole, 0, 1).astype(np.uint8)
    return Expectation.over_frame(
        world.image.shape, mask, 1, world.density_per_px, world.neighbour_px, "lattice-occupied-area"
    )
