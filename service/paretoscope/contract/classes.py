"""What kinds of atoms there are, by the look of their surroundings."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, PositiveInt

from paretoscope.contract.base import Array, Document, FrameId


class AtomClass(Document):
    class_id: Annotated[int, Field(ge=0)]
    """Stable over the frames of a stream: the nearest class of the frame before keeps its id."""
    name: str | None = None
    """Given by the operator; follows the class from frame to frame."""
    count: Annotated[int, Field(ge=0)]
    weight: float
    """Share in the mixture, 0..1."""


class Classes(Document):
    """Patches round the atoms -> principal components -> Gaussian mixture."""

    frame_id: FrameId
    revision: Annotated[int, Field(ge=0)] = 0
    classes: list[AtomClass]
    labels: Array
    """(atoms,) int32 class_id per atom in the order of the atom map; -1 = too near the border."""
    probability: Array
    """(atoms,) float32 membership of that class, 0..1."""
    centroids: Array
    """(classes, samples, samples) float32: the mean patch. `samples` is `patch_px` up to 25 px; larger
    patches are sampled coarser."""
    dispersions: Array
    """(classes, samples, samples) float32: the standard deviation round it."""
    components: Array
    """(atoms, 2) float32: the first two principal components; NaN rows where labels are -1."""
    explained_variance: Array
    """(principal components,) float32, shares of the total."""
    patch_px: PositiveInt
    """Side of the square patch, px."""
    chosen_by: str = "given"
    """'given' or 'bic': who set the number of classes."""
    note: str | None = None
    """Why there are fewer classes than asked for, or none."""

    def named(self, names: dict[int, str]) -> Classes:
        """The same under the operator's names of now; the frame may be older than a name."""
        listed = [one.model_copy(update={"name": names.get(one.class_id)}) for one in self.classes]
        return self.model_copy(update={"classes": listed})
