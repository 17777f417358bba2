"""Kinds of atoms: patches -> principal components -> Gaussian mixture -> classes that keep their ids.

After the LoG* paper, figure 5: classes with their centroid and dispersion images.
"""

from __future__ import annotations

import numpy as np

from paretoscope.contract import AtomClass, Classes, ClassModel, SegmentPolicy, StreamMemory
from paretoscope.core.identity import carry_ids, remember
from paretoscope.core.mixture import Fitted, Mixture, fit_mixture, sort_patches
from paretoscope.core.patches import cut_patches, patch_side_px


def segment(
    image_unit: np.ndarray,
    y_px: np.ndarray,
    x_px: np.ndarray,
    neighbour_px: float,
    policy: SegmentPolicy,
    memory: StreamMemory,
    frame_id: str,
    revision: int = 0,
    seed: int = 0,
    model: ClassModel | None = None,
) -> tuple[Classes, StreamMemory]:
    """Class every atom by its surroundings; return the document and the memory for the next frame.

    model: of an earlier frame: its classes and their ids are taken over and nothing is fitted, a tenth of the
    time. One for patches of another size is of no use and left aside.

    image_unit: (rows, columns) float32 in [0, 1].  y_px, x_px: (atoms,).  neighbour_px: nearest-neighbour
    distance.  Atoms nearer than half a patch to the border get label -1. On a stream's first frame ids go
    by brightness, 0 the brightest; later the class that looks like one before keeps its id and name.
    """
    image_unit = np.asarray(image_unit, np.float32)
    y_px, x_px = np.asarray(y_px, np.float64), np.asarray(x_px, np.float64)
    shape = (image_unit.shape[0], image_unit.shape[1])
    side = patch_side_px(neighbour_px, policy.patch_neighbours, shape)
    patches = cut_patches(image_unit, y_px, x_px, side)
    if not policy.enabled or not len(patches.kept):
        note = (
            "No atom is far enough from the border to be classed." if policy.enabled else "Classes are off."
        )
        return _nothing(len(y_px), patches.pixels.shape[-1], side, frame_id, revision, note), memory

    level, spread = float(image_unit.mean()), float(image_unit.std()) or 1.0
    if model is not None and model.mean.size != patches.pixels[0].size:
        model = None
    if model is None:
        mixture = fit_mixture(patches.pixels, policy.classes, seed)
        chosen_by = "bic" if policy.classes == "bic" else "given"
    else:
        alike = (patches.pixels - level) * (model.spread / spread) + model.level
        mixture, chosen_by = sort_patches(alike, _fitted(model)), model.chosen_by
    used, inner = np.unique(mixture.labels, return_inverse=True)
    members = np.bincount(inner, minlength=len(used))
    centroids, dispersions = np.empty((2, len(used), *patches.pixels.shape[1:]), dtype=np.float32)
    for index in range(len(used)):
        group = patches.pixels[inner == index]
        centroids[index], dispersions[index] = group.mean(axis=0), group.std(axis=0)

    middle = centroids.shape[-1] // 2
    order = np.argsort(-centroids[:, middle, middle], kind="stable")
    if model is None:
        likeness = ((centroids[order] - level) / spread).astype(np.float32)
        ids = carry_ids(likeness, memory)
        memory = remember(memory, likeness, ids)
        by_class = [0] * len(used)
        for position, class_id in zip(order, ids, strict=True):
            by_class[position] = class_id
        kept = _model(mixture, by_class, side, level, spread, chosen_by)
        memory = memory.model_copy(update={"class_model": kept})
    else:
        ids = [model.class_ids[used[position]] for position in order]

    by_component = np.empty(len(used), np.int32)
    by_component[order] = ids
    labels = np.full(len(y_px), -1, np.int32)
    labels[patches.kept] = by_component[inner]
    probability = np.zeros(len(y_px), np.float32)
    probability[patches.kept] = mixture.probability
    components = np.full((len(y_px), 2), np.nan, np.float32)
    components[patches.kept] = mixture.scores[:, :2]

    listed = np.argsort(ids, kind="stable")
    rows = order[listed]
    notes = []
    count = len(used)
    if policy.classes != "bic" and count < policy.classes:
        notes.append(f"{count} of {policy.classes} classes: {len(patches.kept)} atoms do not support more.")
    if not mixture.converged:
        notes.append("The mixture had not settled when its iterations ended.")
    document = Classes(
        frame_id=frame_id,
        revision=revision,
        classes=[
            AtomClass(
                class_id=ids[position],
                name=memory.class_names.get(ids[position]),
                count=int(members[order[position]]),
                weight=float(mixture.weights[used[order[position]]]),
            )
            for position in listed
        ],
        labels=labels,
        probability=probability,
        centroids=centroids[rows].astype(np.float32),
        dispersions=dispersions[rows].astype(np.float32),
        components=components,
        explained_variance=mixture.explained_variance,
        patch_px=side,
        chosen_by=chosen_by,
        note=" ".join(notes) or None,
    )
    return document, memory


def _model(
    mixture: Mixture, ids: list[int], side: int, level: float, spread: float, chosen_by: str
) -> ClassModel | None:
    fitted = mixture.fitted
    if fitted is None:
        return None
    return ClassModel(
        patch_px=side,
        mean=fitted.mean,
        components=fitted.components,
        means=fitted.means,
        covariances=fitted.covariances,
        weights=fitted.weights,
        explained_variance=fitted.explained_variance,
        level=level,
        spread=spread,
        class_ids=ids,
        chosen_by=chosen_by,
    )


def _fitted(model: ClassModel) -> Fitted:
    return Fitted(
        model.mean,
        model.components,
        model.explained_variance,
        model.weights,
        model.means,
        model.covariances,
    )


def _nothing(atoms: int, samples: int, side: int, frame_id: str, revision: int, note: str) -> Classes:
    empty = np.zeros((0, samples, samples), np.float32)
    return Classes(
        frame_id=frame_id,
        revision=revision,
        classes=[],
        labels=np.full(atoms, -1, np.int32),
        probability=np.zeros(atoms, np.float32),
        centroids=empty,
        dispersions=empty,
        components=np.full((atoms, 2), np.nan, np.float32),
        explained_variance=np.zeros(0, np.float32),
        patch_px=side,
        note=note,
    )
