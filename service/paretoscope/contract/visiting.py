"""Places in the plane: a well-spaced choice of them, and short ways through them. numpy alone."""

from __future__ import annotations

import numpy as np

MOST_STEPS = 30_000_000
"""Lengths compared while a way is made shorter: about a second."""
LEAST_APART = 1e-6
"""Shorter distances, px or nm, are taken as this one: places so close are one place."""


def thinned(places: np.ndarray, apart: float) -> np.ndarray:
    """Indices of the places kept, in order: each is at least `apart` from all kept before it.

    places: (n, 2), the preferred ones first. Cells of side apart/sqrt(2) hold at most one kept place, and
    only two cells on each side can hold one that is too close.
    """
    apart = max(apart, LEAST_APART)
    cells = np.floor(places * (np.sqrt(2.0) / apart)).astype(np.int64)
    held: dict[tuple[int, int], int] = {}
    near = [(dy, dx) for dy in range(-2, 3) for dx in range(-2, 3)]
    kept: list[int] = []
    for index, (row, column) in enumerate(cells.tolist()):
        around = [held[cell] for dy, dx in near if (cell := (row + dy, column + dx)) in held]
        if around and np.hypot(*(places[around] - places[index]).T).min() < apart:
            continue
        held[row, column] = index
        kept.append(index)
    return np.array(kept, np.int64)


def raster_order(places: np.ndarray) -> np.ndarray:
    """As the scan passes them: by pixel row, then along it."""
    return np.lexsort((places[:, 1], np.rint(places[:, 0])))


def path_length(places: np.ndarray) -> float:
    """From the first place to the last, in the unit of the places."""
    return float(np.hypot(*np.diff(places, axis=0).T).sum())


def shortest_order(places: np.ndarray, start: np.ndarray) -> np.ndarray:
    """A short way through all places, begun at `start`, ended anywhere: nearest neighbour, then 2-opt.

    places: (n, 2); start: (2,). Croes, Operations Research 6, 791 (1958). Turning a part round is done while
    it shortens the way and `MOST_STEPS` are not used up: the whole of it up to some 2000 places, less beyond.
    """
    order = _nearest_first(places, start)
    way = np.concatenate([start[None], places[order]])
    steps, better = 0, True
    while better and steps < MOST_STEPS:
        better = False
        for first in range(len(way) - 2):
            # Turning round way[first + 1 : last + 1] exchanges two legs for two others:
            #   first -> first+1 ... last -> last+1   becomes   first -> last ... first+1 -> last+1
            legs = np.hypot(*(way[first + 1 :] - way[first]).T)  # from `first` to each that may come next
            onwards = np.hypot(*np.diff(way[first + 1 :], axis=0).T)
            across = np.hypot(*(way[first + 2 :] - way[first + 1]).T)
            gain = legs[0] - legs[1:]  # turning the end round: no leg follows it
            gain[:-1] += onwards[1:] - across[1:]
            steps += len(legs)
            best = int(np.argmax(gain))
            if gain[best] > 1e-9:
                last = first + 2 + best
                way[first + 1 : last + 1] = way[first + 1 : last + 1][::-1]
                order[first:last] = order[first:last][::-1]
                better = True
            if steps >= MOST_STEPS:
                break
    return order


def _nearest_first(places: np.ndarray, start: np.ndarray) -> np.ndarray:
    left, here, order = np.arange(len(places)), start, []
    while len(left):
        nearest = int(np.argmin(((places[left] - here) ** 2).sum(axis=1)))
        order.append(left[nearest])
        here = places[left[nearest]]
        left = np.delete(left, nearest)
    return np.array(order, np.int64)
