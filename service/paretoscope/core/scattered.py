"""The expectation where no lattice says it: a density or a count given by the user, else a guess that says
so."""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from paretoscope.core.disorder import Grain, grain
from paretoscope.core.expectation import DISORDERED, LATTICE, VACUUM, Expectation
from paretoscope.core.lattice import Lattice
from paretoscope.core.occupancy import kinds_without_lattice
from paretoscope.core.placed import Placed
from paretoscope.core.spectrum import background_waves
from paretoscope.core.tiled_placement import LARGEST, TILE_PX, binned, tiles_from_the_middle

HOW_TO_SAY = "give a lattice, a density (atoms per nm^2) or a count to replace the guess"
NOTHING = "nothing stands out above the noise: no atoms are expected"
SURE = 6.0
"""Standard deviations by which a correlation must exceed that of noise."""
AGREES = 2.0
"""A density or count further than this factor from that of the lattice seen is not about its atoms."""


def without_lattice(
    image: np.ndarray,
    placed: Placed,
    given: Lattice | None,
    pixels_nm: np.ndarray | None,
    density_per_nm2: float | None,
    count: float | None,
    mode: str,
) -> Expectation:
    """A density or a count over everything that is not vacuum; what is not given is guessed, and said to
    be.

    image: (rows, columns) float32.  pixels_nm: (2,) along (rows, columns), None where unknown: the density is
    then per square px.  given: a lattice that the image does not show.  mode: 'plain' counts vacuum too.
    """
    mask, step_px = _area(image, placed, mode)
    area_px = _area_px(image, mask, step_px)
    atoms = count
    if atoms is None and density_per_nm2 is not None:
        atoms = density_per_nm2 * area_px * (float(pixels_nm.prod()) if pixels_nm is not None else 1.0)
    label, blob_sigma_px, density = None, None, None
    if given is not None and pixels_nm is not None:
        label, neighbour = given.label, given.nearest_neighbour_nm / float(np.sqrt(pixels_nm.prod()))
        density = given.density_per_nm2 * float(pixels_nm.prod())
        told = f"the density of {given.name or 'the given cell'} is taken for everything that is not vacuum"
        part, inside = _telling(image, mask, step_px)
        empty = not placed.lattice_seen and not textured(part, neighbour)
        if empty and grain(part, inside, step_px).density_per_px == 0.0:
            density, told = 0.0, NOTHING
    elif _is_of_lattice(placed, atoms, area_px):
        neighbour, told = placed.neighbour_px, ""
    else:
        part, inside = _telling(image, mask, step_px)
        theirs = None if atoms is None else atoms * _share(inside, step_px, part.shape) * part.size / area_px
        guess = grain(part, inside, step_px, theirs)
        neighbour, blob_sigma_px, density = guess.neighbour_px, guess.blob_sigma_px, guess.density_per_px
        told = _guessed(guess)
    source = "density"
    if count is not None:
        source, told = "count", f"the count of {count:g} atoms was given"
    elif density_per_nm2 is not None:
        unit = "nm^2" if pixels_nm is not None else "px^2"
        told = f"a density of {density_per_nm2:g} atoms per {unit} was given"
    if atoms is not None:
        density = atoms / area_px
    why = f"no lattice seen: {placed.reason}; " if not placed.lattice_seen else ""
    return Expectation.over_frame(
        (image.shape[0], image.shape[1]),
        mask,
        step_px,
        float(density or 0.0),
        neighbour,
        source,
        label,
        why + told,
        (LATTICE, DISORDERED),
        blob_sigma_px,
    )


def textured(image: np.ndarray, neighbour_px: float) -> bool:
    """Whether neighbouring rows have more in common than noise has, on the scale of the atoms expected.

    What is smoother than `neighbour_px` (contamination, a tilted background) is taken off first. Rows,
    because a detector's afterglow runs along them and would make noise look like something. A thick film,
    where no atom stands out, passes; shot noise does not.
    """
    fine = image - ndimage.gaussian_filter(image, max(neighbour_px, 2.0), truncate=3.0)
    fine -= fine.mean()
    power = float(np.vdot(fine, fine))
    if fine.shape[0] < 2 or power == 0.0:
        return False
    shared = float(np.vdot(fine[1:], fine[:-1])) / power
    return shared > SURE / float(np.sqrt(fine.size))


def _area(image: np.ndarray, placed: Placed, mode: str) -> tuple[np.ndarray, int]:
    """Area kinds and the side of their squares, px; never all vacuum."""
    if placed.lattice_seen:
        mask, step_px = placed.mask, placed.step_px
    else:
        bins = 2 ** max(0, round(math.log2(max(image.shape) / TILE_PX))) if image.size > LARGEST else 1
        waves = background_waves(binned(image, bins))
        mask, step_px = kinds_without_lattice(waves), waves.step_px * bins
    if mode == "plain" or not (mask != VACUUM).any():
        mask = np.full_like(mask, DISORDERED)
    return mask, step_px


def _area_px(image: np.ndarray, mask: np.ndarray, step_px: int) -> float:
    return _share(mask != VACUUM, step_px, image.shape) * image.size


def _share(area: np.ndarray, step_px: int, shape: tuple[int, ...]) -> float:
    """Share of an image of `shape` that `area` covers, on a grid of `step_px` that may reach beyond it."""
    sides = [
        np.diff(np.minimum(np.arange(n + 1) * step_px, side))
        for n, side in zip(area.shape, shape, strict=False)
    ]
    return float(sides[0] @ area @ sides[1]) / (shape[0] * shape[1])


def _telling(image: np.ndarray, mask: np.ndarray, step_px: int) -> tuple[np.ndarray, np.ndarray]:
    """The image and where it is not vacuum; of a large frame the tile with the least vacuum."""
    inside = mask != VACUUM
    if image.size <= LARGEST:
        return image, inside
    tiles = tiles_from_the_middle((image.shape[0], image.shape[1]), step_px)
    squares = [
        tuple(slice(side.start // step_px, -(-side.stop // step_px)) for side in tile) for tile in tiles
    ]
    best = int(np.argmax([inside[part].mean() for part in squares]))
    return np.ascontiguousarray(image[tiles[best]]), inside[squares[best]]


def _is_of_lattice(placed: Placed, atoms: float | None, area_px: float) -> bool:
    """Whether the atoms asked for are those of the lattice that was seen, going by their number."""
    if not placed.lattice_seen or atoms is None:
        return placed.lattice_seen
    return 1.0 / AGREES < atoms / (placed.density_per_px * area_px) < AGREES


def _guessed(guess: Grain) -> str:
    if guess.density_per_px == 0.0:
        return NOTHING
    if guess.how == "ring":
        return (
            f"a guess: atoms have neighbours {guess.neighbour_px:.1f} px away, packed like a liquid; "
            f"{HOW_TO_SAY}"
        )
    return f"a guess from the bright specks in the image; {HOW_TO_SAY}"
