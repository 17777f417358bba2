"""Documents to and from the store's bytes."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np

from paretoscope.contract import AtomMap, Classes, Document, Fault, FrameHeader, Guard, Ledger, ParetoFront
from paretoscope.contract.codec import pack


def revision_of(documents: Iterable[Document]) -> int:
    """The highest revision among them; documents without one belong to it."""
    return max((getattr(document, "revision", 0) for document in documents), default=0)


ROW = "row:"
"""Before the type: what a list of frames tells of the document, so that nobody unpacks the columns for it."""


def triples(documents: Iterable[Document]) -> list[Any]:
    """Flat (type, revision, bytes) for the scripts, and what a list tells of each; of several of one type the
    last counts."""
    last = {type(document).__name__: document for document in documents}
    revision = revision_of(last.values())
    flat: list[Any] = []
    for kind, document in last.items():
        told = getattr(document, "revision", revision)
        flat += [kind, told, pack(document)]
        if row := row_of(document):
            flat += [ROW + kind, told, json.dumps(row)]
    return flat


def row_of(document: Document) -> dict[str, Any]:
    """What a list of frames tells of a document; empty for most."""
    if isinstance(document, Ledger):
        return digest([document]) | {"dose_pc_per_nm2": document.dose_pc_per_nm2}
    if isinstance(document, Fault):
        return {"fault": document.code, "hint": document.hint}
    if isinstance(document, AtomMap) and document.params is not None:
        return digest([document]) | {"params": document.params.model_dump(mode="json")}
    return digest([document])


def field_of(header: FrameHeader) -> str:
    """Differs when another area, or the same with other pixels, is scanned, as far as headers tell."""
    return f"{header.epoch} {header.shape} {header.pixel_size_nm} {header.scan_rotation_deg}"


def as_image(header: FrameHeader, buffer: bytes) -> np.ndarray:
    """(rows, columns) of the header's dtype, read-only, without a copy."""
    return np.frombuffer(buffer, np.dtype(header.dtype).newbyteorder("<")).reshape(header.shape)


def as_buffer(pixels: bytes | bytearray | memoryview | np.ndarray) -> bytes | memoryview:
    """The pixels' bytes in C order, little-endian."""
    if isinstance(pixels, np.ndarray):
        little = pixels.astype(pixels.dtype.newbyteorder("<"), copy=False)
        return np.ascontiguousarray(little).data.cast("B")
    return bytes(pixels) if isinstance(pixels, bytearray) else pixels


def parse_utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def digest(documents: Iterable[Document]) -> dict[str, Any]:
    """What an event tells about a result: counts, the chosen point, the verdict. JSON-able."""
    told: dict[str, Any] = {}
    for document in documents:
        if isinstance(document, AtomMap):
            told |= {"atoms": document.count, "revision": document.revision}
        elif isinstance(document, ParetoFront):
            told["points"] = len(document.points)
            if document.chosen is not None:
                chosen = document.points[document.chosen]
                told |= {"qc": chosen.qc, "er": chosen.er}
            if document.n_expected is not None:
                told["n_expected"] = document.n_expected.value
        elif isinstance(document, Classes):
            told["classes"] = {str(one.class_id): one.count for one in document.classes}
        elif isinstance(document, Ledger):
            told |= {"total_ms": document.total_ms, "met": document.met, "mode": document.mode}
            told |= {"deadline_ms": document.deadline_ms, "acquisition_ms": document.acquisition_ms}
        elif isinstance(document, Guard):
            told |= {"fit_for_control": document.fit_for_control, "reasons": list(document.reasons)}
    return told
