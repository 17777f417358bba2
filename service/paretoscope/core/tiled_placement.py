"""A lattice placed in a frame too large to be looked at in one piece.

    +-----+-----+-----+    The tile in the middle (or the next one that shows a lattice) is examined like a
    |  5  |  2  |  6  |    frame of its own: it gives cell, density and label. In every other tile the same
    +-----+-----+-----+    cell is looked for, as it lies there and in further grains, with a rim of the
    |  4  |  1  |  3  |    neighbours' pixels, so that a hole on a seam is one hole.
    +-----+-----+-----+

Memory is that of one tile, and time is linear in the number of tiles. The area is told to squares that grow
with the frame (8 px at 4096 px instead of 2), and averages over as much more: a hole is seen when it is as
large a part of the picture as before.
"""

from __future__ import annotations

import numpy as np

from paretoscope.core.expectation import DISORDERED, LATTICE, VACUUM
from paretoscope.core.grains import with_other_grains
from paretoscope.core.lattice import Lattice
from paretoscope.core.occupancy import kinds
from paretoscope.core.placed import Placed, place
from paretoscope.core.spectrum import examine

TILE_PX = 1024
LARGEST = (3 * TILE_PX // 2) ** 2
"""Pixels of a frame that is looked at in one piece."""
TRIES = 4
"""Tiles that are asked for a lattice before the frame is said to have none."""
RIM_PX = 64
COARSEST_STEP_PX = 8
LEAST_LATTICE = 0.05
"""Share of a tile: below, what is vacuum is told by the first tile's brightness."""

Tile = tuple[slice, slice]


def place_in_tiles(image: np.ndarray, given: Lattice | None, pixels_nm: np.ndarray | None) -> Placed:
    """`place` for a large image; arguments and answer are the same."""
    shape = (image.shape[0], image.shape[1])
    order = tiles_from_the_middle(shape, COARSEST_STEP_PX)
    first, tile = _first_seen(image, order, given, pixels_nm)
    if first.found is None or tile is None:
        return first
    coarser = _coarser(shape, first.step_px)
    step_px = first.step_px * coarser
    vectors, waves = first.found.measured.vectors, first.found.waves
    dark = float(np.median(waves.background[first.found.lattice])) + 0.5 * first.darkest
    mask = np.empty(tuple(-(-side // step_px) for side in shape), dtype=np.uint8)
    grains = 0
    for part in order:
        more = _into(mask, image, part, vectors, step_px, coarser, first.darkest, dark)
        grains = max(grains, more)
    height, width = (side.stop - side.start for side in tile)
    notes = [first.note, f"the cell was measured on {height} x {width} of {shape[0]} x {shape[1]} px"]
    if grains and not (first.note and "grains" in first.note):
        notes.append("further grains of it are counted")
    return Placed(
        True,
        "",
        mask,
        step_px,
        first.density_per_px,
        first.neighbour_px,
        first.label,
        "; ".join(filter(None, notes)),
        first.found,
        first.darkest,
    )


def tiles_from_the_middle(shape: tuple[int, int], step_px: int) -> list[Tile]:
    """Equal tiles of about `TILE_PX` with edges on multiples of `step_px`, the middle ones first."""
    edges = []
    for side in shape:
        count = max(1, round(side / TILE_PX))
        cuts = [round(side * i / count / step_px) * step_px for i in range(count)]
        edges.append([*cuts, side])
    tiles = [
        (slice(y0, y1), slice(x0, x1))
        for y0, y1 in zip(edges[0], edges[0][1:], strict=False)
        for x0, x1 in zip(edges[1], edges[1][1:], strict=False)
    ]
    middle = [side / 2 for side in shape]
    return sorted(
        tiles,
        key=lambda tile: sum(abs((s.start + s.stop) / 2 - m) for s, m in zip(tile, middle, strict=True)),
    )


def binned(image: np.ndarray, bins: int) -> np.ndarray:
    """Means of squares of `bins` px, float32; what is left over at the bottom and the right is left out."""
    rows, columns = (side // bins for side in image.shape)
    squares = image[: rows * bins, : columns * bins].reshape(rows, bins, columns, bins)
    return squares.mean(axis=(1, 3), dtype=np.float32)


def _first_seen(
    image: np.ndarray, order: list[Tile], given: Lattice | None, pixels_nm: np.ndarray | None
) -> tuple[Placed, Tile | None]:
    first: Placed | None = None
    # After the middle one the farthest apart: four neighbours may all lie in one hole.
    for tile in [order[0], *order[:0:-1]][:TRIES]:
        placed = place(np.ascontiguousarray(image[tile]), given, pixels_nm)
        if placed.lattice_seen:
            return placed, tile
        first = first or placed
    assert first is not None
    return first, None


def _coarser(shape: tuple[int, int], step_px: int) -> int:
    """How much coarser the area is told than in a tile: 2, 4, ... as the frame is larger."""
    larger = 2 ** max(0, round(np.log2(max(shape) / TILE_PX)))
    return int(max(1, min(larger, COARSEST_STEP_PX // step_px)))


def _into(
    mask: np.ndarray,
    image: np.ndarray,
    part: Tile,
    vectors: np.ndarray,
    step_px: int,
    coarser: int,
    darkest: float,
    dark: float,
) -> int:
    """Fill in one tile's area kinds; returns how many further grains it has."""
    rims = [min(RIM_PX, side.start) for side in part]
    wide = tuple(slice(side.start - rim, side.stop + RIM_PX) for side, rim in zip(part, rims, strict=True))
    pixels = np.ascontiguousarray(image[wide])
    found = examine(pixels, vectors, coarser)
    waves, lattice = found.waves, found.lattice
    if lattice.mean() > LEAST_LATTICE:
        here = kinds(lattice, waves, darkest)
    else:
        here = np.where(lattice, LATTICE, np.where(waves.background < dark, VACUUM, DISORDERED)).astype(
            np.uint8
        )
    lattice, grains = with_other_grains(pixels, vectors, lattice, here == VACUUM, waves, coarser)
    here = np.where(lattice, LATTICE, here).astype(np.uint8)
    target = mask[tuple(slice(side.start // step_px, -(-side.stop // step_px)) for side in part)]
    y, x = (rim // step_px for rim in rims)
    target[...] = here[y : y + target.shape[0], x : x + target.shape[1]]
    return grains
