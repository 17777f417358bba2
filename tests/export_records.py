"""A frame's stored result as exporters get it."""

from __future__ import annotations

import numpy as np

from paretoscope.adapters.exporters.record import Record
from paretoscope.contract import AtomMap, Classes, Guard, Ledger, ParameterMap, ParetoFront
from serving import frame, results


def record(**extra: object) -> Record:
    """Frame 3 of `serving`, with areas of all three kinds. extra: fields of the header."""
    header, image = frame(3, **extra)
    held = {type(one): one for one in results(header.frame_id)}
    mask = np.repeat(np.arange(3, dtype=np.uint8), 16).reshape(6, 8)
    atoms = held[AtomMap].model_copy(
        update={"mask": mask, "mask_step_px": 16, "pixel_size_nm": header.pixel_size_nm}
    )
    return Record(
        header=header,
        image=image,
        atoms=atoms,
        front=held[ParetoFront],
        windows=held[ParameterMap],
        classes=held[Classes].named({1: "Ti-O"}),
        ledger=held[Ledger],
        guard=held[Guard],
    )
