"""Blobs to atoms: sub-pixel positions, uncertainty, confidence, classes, as documents."""

from __future__ import annotations

from typing import Literal

import numpy as np

from paretoscope.contract import (
    AtomMap,
    Classes,
    ClassModel,
    FrameHeader,
    LogParams,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.core.blobs import Blobs
from paretoscope.core.classes import segment
from paretoscope.core.refine import Method, refine
from paretoscope.deadline import Deadline
from paretoscope.workflows.prepared import Prepared
from paretoscope.workflows.stages import Pace


def refinement_for(asked: Method | Literal["auto"], atoms: int, deadline: Deadline, pace: Pace) -> Method:
    """'auto' is the Gaussian fit where the deadline leaves time for it, the parabola otherwise."""
    if asked != "auto":
        return asked
    return "gaussian" if pace.expected_s("refine", atoms) < deadline.remaining_s() else "parabola"


def atom_map(
    header: FrameHeader,
    prepared: Prepared,
    blobs: Blobs,
    params: LogParams | None,
    refinement: Method,
    deadline: Deadline,
    revision: int = 0,
) -> AtomMap:
    """Refine `blobs` and lay them out as columns; see ``contract.ATOM_COLUMNS``."""
    expectation = prepared.expectation
    fine = refine(prepared.image, blobs, refinement, deadline)
    columns = {
        "atom_id": np.arange(len(blobs), dtype=np.int32),
        "y_px": fine.y_px.astype(np.float32),
        "x_px": fine.x_px.astype(np.float32),
        "y_error_px": fine.y_error_px.astype(np.float32),
        "x_error_px": fine.x_error_px.astype(np.float32),
        "sigma_px": fine.sigma_px.astype(np.float32),
        "score": blobs.response.astype(np.float32),
        "confidence": fine.confidence.astype(np.float32),
        "class_id": np.full(len(blobs), -1, dtype=np.int32),
        "area_kind": expectation.kind_at(fine.y_px, fine.x_px).astype(np.uint8),
    }
    if header.pixel_size_nm is not None:
        columns["y_nm"] = columns["y_px"] * np.float32(header.pixel_size_nm[0])
        columns["x_nm"] = columns["x_px"] * np.float32(header.pixel_size_nm[1])
    return AtomMap(
        frame_id=header.frame_id,
        revision=revision,
        columns=columns,
        pixel_size_nm=header.pixel_size_nm,
        shape=header.shape,
        params=params,
        refinement=refinement,
        mask=expectation.mask,
        mask_step_px=expectation.mask_step_px,
    )


def classed(
    prepared: Prepared,
    atoms: AtomMap,
    policy: StreamPolicy,
    memory: StreamMemory,
    model: ClassModel | None = None,
) -> tuple[AtomMap, Classes, StreamMemory]:
    """The atoms with their classes, the classes, and the memory by which the next frame keeps their ids.

    model: classes of an earlier frame, taken over instead of a new fit.
    """
    classes, memory = segment(
        prepared.image,
        atoms.columns["y_px"],
        atoms.columns["x_px"],
        prepared.expectation.neighbour_px,
        policy.segment,
        memory,
        atoms.frame_id,
        atoms.revision,
        policy.seed,
        model,
    )
    columns = atoms.columns | {"class_id": np.asarray(classes.labels, dtype=np.int32)}
    return atoms.model_copy(update={"columns": columns}), classes, memory
