"""A frame's result as one line for people or one JSON object for programs."""

from __future__ import annotations

from typing import Any

from paretoscope.adapters.store import Store
from paretoscope.contract import AtomMap, Event, Fault, Guard, Ledger, ParetoFront


def summary(store: Store, event: Event) -> dict[str, Any]:
    """What became of the frame that `event` ('result', 'fault' or 'drop') closes."""
    frame_id = event.frame_id or ""
    seen = store.snapshot(frame_id, AtomMap, ParetoFront, Ledger, Guard, Fault)
    told: dict[str, Any] = {"frame_id": frame_id, "state": seen.state}
    fault = seen.document(Fault)
    if fault is not None:
        return told | {"code": fault.code, "hint": fault.hint}
    atoms, front = seen.document(AtomMap), seen.document(ParetoFront)
    ledger, guard = seen.document(Ledger), seen.document(Guard)
    chosen = None if front is None or front.chosen is None else front.points[front.chosen]
    told |= {
        "atoms": 0 if atoms is None else atoms.count,
        "qc": None if chosen is None else chosen.qc,
        "er": None if chosen is None else chosen.er,
        "n_expected": None if front is None or front.n_expected is None else front.n_expected.value,
        "points": 0 if front is None else len(front.points),
        "params": None if chosen is None else chosen.params.model_dump(),
    }
    if ledger is not None:
        told |= {
            "mode": ledger.mode,
            "total_ms": ledger.total_ms,
            "deadline_ms": ledger.deadline_ms,
            "met": ledger.met,
            "acquisition_ms": ledger.acquisition_ms,
            "timings_ms": {stage.name: stage.ms for stage in ledger.stages},
            "device": ledger.device,
        }
    if guard is not None:
        told |= {"fit_for_control": guard.fit_for_control, "reasons": guard.reasons}
    return told


def line(told: dict[str, Any]) -> str:
    """'demo-...-000003  atoms  412  QC 0.012  ER 0.000  812 ms of 3000 (scan 2104 ms)  in time'."""
    if told["state"] != "done":
        return f"{told['frame_id']}  {told['state']}: {told.get('hint', 'a newer frame came')}"
    words = [
        told["frame_id"],
        f"atoms {told['atoms']:5d}",
        f"QC {_number(told['qc'])}",
        f"ER {_number(told['er'])}",
    ]
    if "total_ms" in told:
        scan = told["acquisition_ms"]
        beside = "" if scan is None else f" (scan {scan:.0f} ms)"
        words.append(f"{told['total_ms']:5.0f} ms of {told['deadline_ms']:.0f}{beside}")
        words.append("in time" if told["met"] else "LATE")
        words.append(" ".join(f"{name} {ms:.0f}" for name, ms in told["timings_ms"].items() if ms >= 1.0))
    return "  ".join(words)


def _number(value: float | None) -> str:
    return "  -  " if value is None else f"{value:.3f}"
