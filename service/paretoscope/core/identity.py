"""Which class is which, from one frame to the next."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import zoom
from scipy.optimize import linear_sum_assignment

from paretoscope.contract import StreamMemory

MOST_REMEMBERED = 24
_LIKENESS = 0.75
"""How far a class may move and stay itself, in units of the strongest contrast within a remembered class."""


def carry_ids(centroids: np.ndarray, memory: StreamMemory) -> list[int]:
    """Return an id for each centroid: that of the remembered class it resembles, else a new one.

    centroids: (classes, samples, samples), in standard deviations of the image from its mean, so that a
    change of gain or offset changes nothing. The assignment has the least sum of distances (Kuhn-Munkres).
    """
    taken = set(memory.class_ids) | set(memory.class_names)
    fresh = iter(range(max(taken, default=-1) + 1, max(taken, default=-1) + 1 + len(centroids)))
    ids: list[int | None] = [None] * len(centroids)
    if memory.class_centroids is not None and len(memory.class_centroids) and len(centroids):
        known = resize(memory.class_centroids, centroids.shape[-1])
        apart = np.sqrt(((centroids[:, None] - known[None]) ** 2).mean(axis=(2, 3)))
        limit = _LIKENESS * known.std(axis=(1, 2)).max()
        for new, old in zip(*linear_sum_assignment(apart), strict=True):
            if apart[new, old] <= limit:
                ids[new] = memory.class_ids[old]
    return [next(fresh) if class_id is None else class_id for class_id in ids]


def remember(memory: StreamMemory, centroids: np.ndarray, ids: list[int]) -> StreamMemory:
    """Return memory with these classes as they look now; absent ones are kept, named ones first.

    A dopant that is missing from one frame thus has its id and name again on the next.
    """
    kept_ids, kept = list(ids), [centroids]
    if memory.class_centroids is not None and len(memory.class_centroids):
        known = resize(memory.class_centroids, centroids.shape[-1])
        absent = [index for index, class_id in enumerate(memory.class_ids) if class_id not in ids]
        absent.sort(key=lambda index: memory.class_ids[index] not in memory.class_names)
        absent = absent[: max(0, MOST_REMEMBERED - len(ids))]
        kept.append(known[absent])
        kept_ids += [memory.class_ids[index] for index in absent]
    stack = np.concatenate(kept).astype(np.float32)
    return memory.model_copy(update={"class_centroids": stack, "class_ids": kept_ids})


def resize(centroids: np.ndarray, samples: int) -> np.ndarray:
    """(classes, any, any) sampled anew as (classes, samples, samples): the magnification may have changed."""
    if centroids.shape[-1] == samples:
        return centroids
    factor = samples / centroids.shape[-1]
    return np.asarray(zoom(centroids, (1, factor, factor), order=1))
