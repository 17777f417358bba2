"""A frame's documents in the store -> its view."""

from __future__ import annotations

from typing import cast

from paretoscope.adapters.store import Store, utc_now
from paretoscope.contract import AtomMap, Fault, Guard, Ledger, LogParams, ParetoFront
from paretoscope.contract.freshness import age_s, stale_after_s
from paretoscope.contract.views import FrameView, State


def frame_links(frame_id: str) -> dict[str, str]:
    base = f"/v1/frames/{frame_id}"
    parts = ("image", "atoms", "front", "choice", "classes", "windows", "mask")
    links = {"self": base, "spectrum": f"{base}/spectrum.png", "export": f"{base}/export"}
    links["targets"] = f"{base}/targets"
    return links | {part: f"{base}/{part}" for part in parts}


def frame_view(store: Store, frame_id: str) -> FrameView:
    """Raises NotFound."""
    # One question to the store: a result that comes between two would be seen in part.
    seen = store.snapshot(frame_id, ParetoFront, Ledger, Guard, Fault, told=[AtomMap])
    header, atoms, front = seen.header, seen.told, seen.document(ParetoFront)
    point = None if front is None or front.chosen is None else front.points[front.chosen]
    params = point.params if point is not None else None
    if "params" in atoms:
        params = LogParams.model_validate(atoms["params"])
    ledger, guard = seen.document(Ledger), seen.document(Guard)
    newer, age, limit = store.newer_frames(header.stream, frame_id), None, None
    if ledger is not None:
        policy = store.policy(header.stream)
        age, limit = age_s(ledger.received_at, utc_now()), stale_after_s(header, policy)
        if guard is not None and (age > limit or newer > policy.max_newer_for_control):
            guard = guard.with_reason("stale")
    return FrameView(
        frame_id=frame_id,
        stream=header.stream,
        state=cast(State, seen.state),
        revision=max(atoms.get("revision", 0), front.revision if front else 0),
        age_s=age,
        newer_frames=newer,
        stale_after_s=limit,
        atoms=atoms.get("atoms"),
        qc=None if point is None else point.qc,
        er=None if point is None else point.er,
        n_found=None if point is None else point.n_found,
        n_expected=None if front is None else front.n_expected,
        params=params,
        chosen=None if front is None else front.chosen,
        points=0 if front is None else len(front.points),
        ledger=ledger,
        guard=guard,
        fault=seen.document(Fault),
        header=header,
        links=frame_links(frame_id),
    )


def etag(view: FrameView) -> str:
    """Changes with every state and re-detection of the frame."""
    return f'"{view.frame_id}.{view.revision}.{view.state}"'


def same_tag(if_none_match: str | None, tag: str) -> bool:
    """RFC 9110, 13.1.2: weak comparison with a list of tags or '*'."""
    if if_none_match is None:
        return False
    held = {one.strip().removeprefix("W/") for one in if_none_match.split(",")}
    return "*" in held or tag in held
