"""`expect`: from an image and what is known of the sample to the expected number of atoms."""

from __future__ import annotations

import numpy as np

from paretoscope.contract import LatticeSpec
from paretoscope.core.expectation import CLOSE, DISORDERED, LATTICE, VACUUM, Expectation
from paretoscope.core.lattice import Lattice
from paretoscope.core.placed import Placed, place
from paretoscope.core.scattered import without_lattice
from paretoscope.core.tiled_placement import LARGEST, place_in_tiles
from paretoscope.errors import BadLattice, BadParameters

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
    lattice: a name, a cell, or None for the image's own.  mode: 'occupied' counts the area where the lattice
    is; 'plain' is the formula of paper 002: the lattice's density times the whole image.
    density_per_nm2 (per px^2 without a pixel size), count: what to expect where there is no lattice to go by:
    none given, or none to be seen.
    Raises BadLattice: unknown name, impossible cell, 'missing-pixel-size' for a cell in nm without one,
    'off-scale' for one that cannot be seen at this pixel size.
    Raises BadParameters: another mode, a density or count that is not positive.
    """
    image = np.ascontiguousarray(image, dtype=np.float32)
    pixels = _pixels(pixel_size_nm)
    _check(mode, density_per_nm2, count)
    given = as_lattice(lattice)
    if given is not None and pixels is None:
        raise BadLattice(
            "missing-pixel-size",
            hint="A lattice in nm needs the image's pixel size: give --pixel-size-nm (pixel_size_nm=...) or "
            "leave the lattice out to have it estimated from the image's own spectrum.",
        )
    if given is not None and pixels is not None:
        _check_magnification(image.shape, given.nearest_neighbour_nm / float(np.sqrt(pixels.prod())), pixels)
    if mode == "plain" and given is not None and pixels is not None:
        return _plain(image, given, pixels)
    said = density_per_nm2 is not None or count is not None
    placed = place(image, given, pixels) if image.size <= LARGEST else place_in_tiles(image, given, pixels)
    if placed.lattice_seen and not (said and given is None):
        return _on_lattice(image, placed, mode)
    return without_lattice(image, placed, given, pixels, density_per_nm2, count, mode)


def _on_lattice(image: np.ndarray, placed: Placed, mode: str) -> Expectation:
    mask, source = placed.mask, "lattice-occupied-area"
    if mode == "plain":
        mask, source = np.full_like(mask, LATTICE), "lattice-whole-image"
    seen = None
    if placed.found is not None:
        (y1, x1), (y2, x2) = placed.found.measured.vectors.tolist()
        seen = ((y1, x1), (y2, x2))
    return Expectation.over_frame(
        (image.shape[0], image.shape[1]),
        mask,
        placed.step_px,
        placed.density_per_px,
        placed.neighbour_px,
        source,
        placed.label,
        placed.note,
        reciprocal_cpp=seen,
    )


def _plain(image: np.ndarray, given: Lattice, pixels: np.ndarray) -> Expectation:
    """Paper 002: atoms = density of the lattice x area of the image."""
    shape = (image.shape[0], image.shape[1])
    mask = np.full((-(-shape[0] // 4), -(-shape[1] // 4)), LATTICE, dtype=np.uint8)
    density = given.density_per_nm2 * float(pixels.prod())
    neighbour = given.nearest_neighbour_nm / float(np.sqrt(pixels.prod()))
    return Expectation.over_frame(shape, mask, 4, density, neighbour, "lattice-whole-image", given.label)


def _pixels(pixel_size_nm: float | tuple[float, float] | None) -> np.ndarray | None:
    if pixel_size_nm is None:
        return None
    pixels = np.array(np.broadcast_to(np.asarray(pixel_size_nm, dtype=float), 2))
    if not (np.isfinite(pixels).all() and (pixels > 0).all()):
        raise BadParameters(
            "bad-pixel-size", hint=f"The pixel size is {pixel_size_nm}; give the distance between pixels, nm."
        )
    return pixels


def _check_magnification(shape: tuple[int, ...], neighbour_px: float, pixels: np.ndarray) -> None:
    """A pixel size in another unit puts neighbours within a pixel, or far outside the image."""
    if not 2.0 <= neighbour_px <= 4.0 * max(shape):
        raise BadLattice(
            "off-scale",
            hint=f"At {pixels[0]:g} nm a pixel the lattice's neighbours are {neighbour_px:.3g} px apart; an "
            f"image of {shape[0]} x {shape[1]} px cannot show that. Check the lattice, and that the pixel "
            "size is in nm (1 angstrom = 0.1 nm).",
        )


def _check(mode: str, density_per_nm2: float | None, count: float | None) -> None:
    if mode not in ("occupied", "plain"):
        raise BadParameters("bad-mode", hint=f"The mode is {mode!r}; choose 'occupied' or 'plain'.")
    for name, value in (("density_per_nm2", density_per_nm2), ("count", count)):
        if value is not None and not (np.isfinite(value) and value > 0):
            raise BadParameters(f"bad-{name}", hint=f"{name} is {value}; it must be above zero.")
