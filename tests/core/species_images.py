"""Images of lattices with two or three species, with their truth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Truth:
    image: np.ndarray
    y_px: np.ndarray
    x_px: np.ndarray
    species: np.ndarray
    neighbour_px: float


def two_sublattices(noise=0.1, seed=0, shift_px=(0.0, 0.0), cell_px=16.0, size=300):
    """A-site columns of amplitude 1 on a square lattice, B-site columns of 0.6 in their middle."""
    rng = np.random.default_rng(seed)
    steps = np.arange(-2, size // cell_px + 2) * cell_px
    corner = np.stack(np.meshgrid(steps, steps, indexing="ij"), -1).reshape(-1, 2)
    where = np.concatenate([corner, corner + cell_px / 2]) + np.asarray(shift_px)
    species = np.repeat([0, 1], len(corner))
    return draw(where, species, np.array([1.0, 0.6])[species], cell_px / np.sqrt(2), noise, rng, size)


def honeycomb(noise=0.1, seed=0, bond_px=10.0, share=0.03, size=300):
    """Graphene with heavy dopants: species 0 and 1 the sublattices, 2 the dopants, 2.2 x brighter."""
    rng = np.random.default_rng(seed)
    a = bond_px * np.sqrt(3)
    count = int(2 * size / a) + 2
    i, j = np.meshgrid(np.arange(-count, count), np.arange(-count, count), indexing="ij")
    vectors = np.array([[0, a], [a * np.sqrt(3) / 2, a / 2]])
    cells = i.reshape(-1, 1) * vectors[0] + j.reshape(-1, 1) * vectors[1]
    where = np.concatenate([cells, cells + vectors.sum(axis=0) / 3])
    species = np.repeat([0, 1], len(cells))
    species[rng.random(len(species)) < share] = 2
    return draw(where, species, np.array([1.0, 1.0, 2.2])[species], bond_px, noise, rng, size)


def draw(where, species, amplitude, neighbour_px: float, noise: float, rng, size: int) -> Truth:
    where = where + rng.normal(0, 0.02 * neighbour_px, where.shape)
    near = ((where > -neighbour_px) & (where < size + neighbour_px)).all(axis=1)
    where, species, amplitude = where[near], species[near], amplitude[near]
    grid = np.arange(size)
    width = 2 * (0.25 * neighbour_px) ** 2
    rows = np.exp(-((grid - where[:, :1]) ** 2) / width)
    columns = np.exp(-((grid - where[:, 1:]) ** 2) / width)
    image = (rows * amplitude[:, None]).T @ columns + rng.normal(0, noise, (size, size))
    image = (image - image.min()) / np.ptp(image)
    inside = ((where > 1) & (where < size - 2)).all(axis=1)
    where, species = where[inside], species[inside]
    return Truth(image.astype(np.float32), where[:, 0], where[:, 1], species, neighbour_px)
