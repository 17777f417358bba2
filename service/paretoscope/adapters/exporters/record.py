"""One frame's stored result, read as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from paretoscope.adapters.store import Snapshot, Store
from paretoscope.contract import (
    SCHEMA_MAJOR,
    SCHEMA_MINOR,
    AtomMap,
    Classes,
    Fault,
    FrameHeader,
    Guard,
    Ledger,
    ParameterMap,
    ParetoFront,
)
from paretoscope.errors import ParetoscopeError
from paretoscope.version import VERSION


class NotDone(ParetoscopeError):
    """The frame is there, its result is not."""

    status = 409
    default_code = "no-result"


@dataclass(frozen=True)
class Record:
    """What is known of one frame; documents that its analysis did not make are None."""

    header: FrameHeader
    image: np.ndarray
    """(rows, columns) of the header's dtype, read-only."""
    atoms: AtomMap
    front: ParetoFront | None
    windows: ParameterMap | None
    classes: Classes | None
    """Those of these very atoms, under the names the operator gives them now."""
    ledger: Ledger | None
    guard: Guard | None


def read_record(store: Store, frame_id: str) -> Record:
    """The newest result of a frame, all of one revision.

    Raises NotFound for an unknown frame, NotDone where it has no result yet or will have none.
    """
    kinds = (AtomMap, ParetoFront, ParameterMap, Classes, Ledger, Guard, Fault)
    seen = store.snapshot(frame_id, *kinds)
    atoms = _atoms(seen)
    classes = seen.document(Classes)
    if classes is not None and len(classes.labels) != atoms.count:
        classes = None  # of an earlier revision: a re-detection without classes leaves the old ones
    if classes is not None:
        classes = classes.named(store.class_names(seen.header.stream))
    return Record(
        header=seen.header,
        image=store.pixels(frame_id),
        atoms=atoms,
        front=seen.document(ParetoFront),
        windows=seen.document(ParameterMap),
        classes=classes,
        ledger=seen.document(Ledger),
        guard=seen.document(Guard),
    )


def _atoms(seen: Snapshot) -> AtomMap:
    frame_id, fault, atoms = seen.header.frame_id, seen.document(Fault), seen.document(AtomMap)
    if seen.state == "failed":
        why = "" if fault is None else f" {fault.hint} [{fault.code}]"
        raise NotDone(hint=f"Frame {frame_id} failed and has no result.{why}")
    if seen.state == "dropped":
        raise NotDone(hint=f"Frame {frame_id} was dropped for a newer one and has no result.")
    if seen.state != "done":
        raise NotDone(hint=f"Frame {frame_id} is {seen.state}: export it once it is done.", retry=True)
    if atoms is None:
        raise NotDone(hint=f"Frame {frame_id} is done but holds no atoms: see its events.")
    return atoms


def provenance(record: Record) -> dict[str, Any]:
    """How the result came about, as JSON can hold it: enough to repeat and to judge it."""
    front, ledger = record.front, record.ledger
    chosen = None if front is None or front.chosen is None else front.points[front.chosen]
    expected = None if front is None else front.n_expected
    return {
        "frame_id": record.header.frame_id,
        "revision": record.atoms.revision,
        "atoms": record.atoms.count,
        "qc": None if chosen is None else chosen.qc,
        "er": None if chosen is None else chosen.er,
        "params": None if record.atoms.params is None else record.atoms.params.model_dump(mode="json"),
        "refinement": record.atoms.refinement,
        "n_expected": None if expected is None else expected.model_dump(mode="json"),
        "optimiser": None if front is None else front.optimiser,
        "evaluations": None if front is None else front.evaluations,
        "stop_reason": None if front is None else front.stop_reason,
        "seed": None if front is None else front.seed,
        "versions": {
            "analysed_with": None if ledger is None else ledger.version or None,
            "exported_with": VERSION,
            "contract": f"{SCHEMA_MAJOR}.{SCHEMA_MINOR}",
        },
        "header": record.header.model_dump(mode="json"),
        "ledger": None if ledger is None else ledger.model_dump(mode="json"),
        "guard": None if record.guard is None else record.guard.model_dump(mode="json"),
    }


def summary(record: Record) -> dict[str, Any]:
    """`provenance` with the front's points and the classes' names and counts."""
    points = [] if record.front is None else record.front.points
    classes = [] if record.classes is None else record.classes.classes
    return provenance(record) | {
        "chosen": None if record.front is None else record.front.chosen,
        "front": [point.model_dump(mode="json") for point in points],
        "classes": [one.model_dump(mode="json") for one in classes],
    }
