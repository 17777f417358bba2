"""What an atom map says besides its columns."""

from __future__ import annotations

from typing import Any

from paretoscope.contract import AtomMap


def described(atoms: AtomMap) -> dict[str, Any]:
    """Everything but the columns and the mask, as JSON can hold it."""
    return {
        "frame_id": atoms.frame_id,
        "revision": atoms.revision,
        "count": atoms.count,
        "shape": list(atoms.shape),
        "pixel_size_nm": None if atoms.pixel_size_nm is None else list(atoms.pixel_size_nm),
        "params": None if atoms.params is None else atoms.params.model_dump(),
        "refinement": atoms.refinement,
    }
