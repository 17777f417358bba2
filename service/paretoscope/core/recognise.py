"""Is the cell that an image shows the given one, sheared or stretched a little by the scan?"""

from __future__ import annotations

import numpy as np

from paretoscope.core.lattice import reduce_basis

SCALE = 0.13
"""A pixel size may be this far out."""
SHEAR = 0.12
"""Drift during a scan lengthens one direction over the other by this much at most."""
SPAN = 3
MULTIPLES = (2, 3, 4, 6)
"""How many primitive cells a conventional cell or a superstructure may hold."""


def recognise(seen: np.ndarray, given: np.ndarray) -> np.ndarray | None:
    """The given cell as the image shows it, (2, 2) rows; None where it takes too much strain.

    seen, given: (2, 2) real vectors, rows (y, x), in one unit, however turned or mirrored. One of them may be
    a multiple of the other, a centred cell or a superstructure; as some multiple always comes near, only
    half the strain is forgiven then.
    """
    seen, _ = reduce_basis(seen)
    short, coefficients = reduce_basis(given)
    same, multiples = _combinations((1,)), _combinations(MULTIPLES)
    found = _least_strained(same @ seen, short, same @ seen, 1.0)
    if found is None:
        found = _least_strained(multiples @ seen, short, multiples @ seen, 0.5)
    if found is None:
        found = _least_strained(seen, multiples @ short, np.linalg.inv(multiples) @ seen, 0.5)
    # Back from the reduced form to the edges as they were given.
    return None if found is None else np.linalg.inv(coefficients) @ found


def _combinations(determinants: tuple[int, ...]) -> np.ndarray:
    """(n, 2, 2) small whole-number matrices with these determinants, up to sign."""
    line = np.arange(-SPAN, SPAN + 1)
    grid = np.stack(np.meshgrid(line, line, line, line, indexing="ij"), axis=-1).reshape(-1, 2, 2)
    determinant = np.abs(grid[:, 0, 0] * grid[:, 1, 1] - grid[:, 0, 1] * grid[:, 1, 0])
    return grid[np.isin(determinant, determinants)].astype(float)


def _least_strained(
    image: np.ndarray, model: np.ndarray, answers: np.ndarray, forgiven: float
) -> np.ndarray | None:
    """The answer that belongs to the pair of cells which differ least; None where all differ too much.

    The singular values of the map from `model` to `image` do not feel rotations or mirrors: their geometric
    mean is the scale, the root of their ratio the shear.
    """
    stretch = np.linalg.svd(np.linalg.inv(model) @ image, compute_uv=False)
    scale = np.abs(np.sqrt(stretch.prod(axis=-1)) - 1.0) / (forgiven * SCALE)
    shear = (np.sqrt(stretch[..., 0] / stretch[..., 1]) - 1.0) / (forgiven * SHEAR)
    strain = np.maximum(scale, shear)
    index = int(np.argmin(strain))
    return answers[index] if strain[index] <= 1.0 else None
