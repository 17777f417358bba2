"""Atoms as places for the beam: GET /v1/frames/{id}/targets."""

from __future__ import annotations

import math
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import FrameIdPath
from paretoscope.api.routes.results import ASK_AGAIN, not_yet
from paretoscope.contract import AtomMap, Guard
from paretoscope.contract.targets import MOST_TARGETS, Order, TargetRule, beam_targets
from paretoscope.contract.views import Targets, TargetView

router = APIRouter(tags=["frames"])

Distance = Annotated[float, Query(ge=0.0, le=1e9, allow_inf_nan=False)]
"""Far beyond any scan; beyond all numbers a distance in nm would overflow in px."""
CLASSES = 64


@router.get("/frames/{frame_id}/targets", summary="Which atoms the beam is to visit, and where they are")
def get_targets(
    frame_id: FrameIdPath,
    response: Response,
    context: Ctx,
    classes: Annotated[
        list[Annotated[str, Query(max_length=64)]] | None,
        Query(
            alias="class", max_length=CLASSES, description="Id or name; may be repeated. None: every atom."
        ),
    ] = None,
    min_confidence: Annotated[float, Query(ge=0.0, le=1.0)] = 0.0,
    edge_px: Distance = 0.0,
    edge_nm: Distance = 0.0,
    apart_px: Distance = 0.0,
    apart_nm: Distance = 0.0,
    most: Annotated[int, Query(ge=1, le=MOST_TARGETS, description="The surest so many.")] = 1000,
    order: Annotated[Order, Query(description="'nearest': a short way.")] = "nearest",
) -> Targets:
    """The rules are those of `paretoscope_client`: fractions count from the scan's top-left corner, and the
    surer of two atoms that are too close stays."""
    seen = context.store.snapshot(frame_id, AtomMap, Guard)
    atoms = seen.document(AtomMap)
    if atoms is None:
        raise not_yet(frame_id, "atom map")
    rule = TargetRule(
        classes=tuple(_class(one) for one in classes or ()),
        min_confidence=min_confidence,
        edge_px=edge_px,
        edge_nm=edge_nm,
        apart_px=apart_px,
        apart_nm=apart_nm,
        at_most=most,
        order=order,
    )
    names = context.store.class_names(seen.header.stream)
    chosen = beam_targets(
        atoms.columns, atoms.shape, rule, pixel_size_nm=atoms.pixel_size_nm, class_names=names
    )
    response.headers["Cache-Control"] = ASK_AGAIN
    return Targets(
        frame_id=frame_id,
        revision=atoms.revision,
        shape=chosen.shape,
        targets=[_target(chosen.columns, row) for row in range(len(chosen))],
        left_out=chosen.left_out,
        path=chosen.path,
        path_unit=chosen.path_unit,
        guard=seen.document(Guard),
    )


def _class(text: str) -> int | str:
    """An id where it is a number."""
    return int(text) if text.lstrip("-").isdecimal() and text.isascii() else text


def _target(columns: dict[str, Any], row: int) -> TargetView:
    def of(name: str) -> Any:
        value = columns[name][row].item() if name in columns else None
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return TargetView(
        beam=(of("x_fraction"), of("y_fraction")),
        atom_id=of("atom_id"),
        y_px=of("y_px"),
        x_px=of("x_px"),
        class_id=of("class_id"),
        confidence=of("confidence"),
    )
