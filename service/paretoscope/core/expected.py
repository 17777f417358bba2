"""`expect`: from an image and what is known of the sample to the expected number of atoms."""

from __future__ import annotations

import numpy as np

from paretoscope.contract import LatticeSpec
from paretoscope.core.expectation import CLOSE, DISORDERED, LATTICE, VACUUM, Expectation
from paretoscope.core.lattice import Lattice
from paretoscope.core.spectrum import estimate_cell
from paretoscope.errors import BadLattice

__all__ = ["CLOSE", "DISORDERED", "LATTICE", "VACUUM", "Expectation", "as_lattice", "expect"]


def as_lattice(lattice: str | Lattice | LatticeSpec | None) -> Lattice | None:
    """Names, cells as text and documents become a `Lattice`. Raises BadLattice."""
    if isinstance(lattice, str):
        return Lattice.parse(lattice)
    if isinstance(lattice, LatticeSpec):
        return Lattice.from_spec(lattice)
    return lattice


def expect(
    image: np.ndarray,
    pixel_size_nm: float | tuple[float, float] | None = None,
    lattice: str | Lattice | LatticeSpec | None = None,
    mode: str = "occupied",
    density_per_nm2: float | None = None,
    count: float | None = None,
) -> Expectation:
    """How many atoms `image` should show.

    image: (rows, columns) float32 in [0, 1].  pixel_size_nm: along (rows, columns), or one for both.
    Raises BadLattice 'missing-pixel-size' where a lattice in nm is given without a pixel size.
    """
    shape = (int(image.shape[0]), int(image.shape[1]))
    mask = np.ones(((shape[0] + 3) // 4, (shape[1] + 3) // 4), dtype=np.uint8)
    given = as_lattice(lattice)
    if given is not None:
        if pixel_size_nm is None:
            raise BadLattice(
                "missing-pixel-size",
                hint="A lattice in nm needs the image's pixel size: give --pixel-size-nm (pixel_size_nm=...) "
                "or leave the lattice out to have it estimated from the image's own spectrum.",
            )
        pixels = np.broadcast_to(np.asarray(pixel_size_nm, dtype=float), 2)
        density = given.density_per_nm2 * float(pixels[0] * pixels[1])
        neighbour = given.nearest_neighbour_nm / float(np.sqrt(pixels[0] * pixels[1]))
        label = f"{given.name} (given by name)" if given.name else f"{given.describe()} (given)"
        return Expectation.over_frame(shape, mask, 4, density, neighbour, "lattice-whole-image", label)
    cell = estimate_cell(image)
    density, neighbour = (cell.density_per_px, cell.neighbour_px) if cell else (1 / 144.0, 12.0)
    label = f"{cell.describe()} (estimated)" if cell else None
    return Expectation.over_frame(shape, mask, 4, density, neighbour, "lattice-whole-image", label)
