"""Atoms as places for the beam: which to visit, in what order, and where they are in fractions of the scan.

An H x W scan runs from 0 to 1 along each axis; pixel centres lie half a pixel in:

    x_px    -0.5     0      0.5     1   ...   W - 0.5        x_fraction = (x_px + 0.5) / W
             |       .       |      .            |           y_fraction = (y_px + 0.5) / H
    x_frac   0              1/W                  1

The microscope's ``optics.paused_scan_beam_position`` takes (x, y): `BeamTargets.points` has that order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from paretoscope.contract.visiting import path_length, raster_order, shortest_order, thinned
from paretoscope.errors import BadParameters

MOST_TARGETS = 5_000
Order = Literal["nearest", "raster", "confidence"]
Distance = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0.0, le=1.0, allow_inf_nan=False)]


class TargetRule(BaseModel):
    """Which atoms the beam is to visit, and in what order."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    classes: tuple[int | str, ...] = ()
    """Ids or names of the classes wanted; empty: every atom, classed or not."""
    min_confidence: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    """Least chance that it is an atom at all, 0..1."""
    min_score: Annotated[float, Field(ge=0.0, allow_inf_nan=False)] = 0.0
    """Least response of the filter (column score): heavier species respond more strongly."""
    edge_px: Distance = 0.0
    """Least distance from the image's edge, px."""
    edge_nm: Distance = 0.0
    """The same in nm; where both are given both hold."""
    apart_px: Distance = 0.0
    """Least distance between two targets, px; of two that are too close the surer one stays."""
    apart_nm: Distance = 0.0
    """The same in nm."""
    at_most: Annotated[int, Field(ge=1, le=MOST_TARGETS)] = 1000
    """The surest so many are kept."""
    order: Order = "nearest"
    """'nearest': a short way through all of them. 'raster': as the scan passes them. 'confidence': the
    surest first."""
    start: tuple[Fraction, Fraction] | None = None
    """(x, y) fractions where the beam is now, for 'nearest'; None: the scan's first corner."""


class BeamTargets(BaseModel):
    """Places to visit, in order: columns of equal length, one row a target."""

    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, use_attribute_docstrings=True)

    columns: dict[str, Any]
    """x_fraction, y_fraction (float64, 0..1), then the atoms' own columns, atom_id among them."""
    shape: tuple[int, int]
    """(rows, columns) of the scan, px."""
    left_out: dict[str, int]
    """Atoms not taken by the first reason: 'class', 'confidence', 'score', 'edge', 'apart', 'at-most'."""
    path: float
    """Length of the way from target to target, in `path_unit`."""
    path_unit: Literal["nm", "px"]

    def __len__(self) -> int:
        return len(self.columns["x_fraction"])

    @property
    def points(self) -> list[tuple[float, float]]:
        """(x, y) fractions in the order of the visit, as ``paused_scan_beam_position`` takes them."""
        return list(
            zip(self.columns["x_fraction"].tolist(), self.columns["y_fraction"].tolist(), strict=True)
        )


def beam_targets(
    atoms: Mapping[str, np.ndarray],
    shape: tuple[int, int],
    rule: TargetRule | None = None,
    *,
    pixel_size_nm: tuple[float, float] | None = None,
    class_names: Mapping[int, str] | None = None,
) -> BeamTargets:
    """Choose and order targets among `atoms` (columns as in ``ATOM_COLUMNS``: y_px and x_px at least).

    shape: (rows, columns) of the scan. pixel_size_nm: (y, x). class_names: class_id -> name.
    Raises BadParameters where the rule asks for what the atoms do not have: a class, nm, confidence.
    """
    rule = rule or TargetRule()
    for name in ("y_px", "x_px"):
        if name not in atoms:
            raise BadParameters("no-such-column", hint=f"Targets need the column {name} of the atoms.")
    places = np.column_stack([atoms["y_px"], atoms["x_px"]]).astype(np.float64)
    left = np.arange(len(places))
    left_out: dict[str, int] = {}
    for reason, good in (
        ("class", _of_class(atoms, rule, class_names or {})),
        ("confidence", _confidence(atoms, rule) >= rule.min_confidence),
        ("score", _score(atoms, rule) >= rule.min_score),
        ("edge", _inside(places, shape, rule, pixel_size_nm)),
    ):
        left, before = left[good[left]], len(left)
        left_out[reason] = before - len(left)
    # Surest first; where that says nothing, the stronger response, then the order of the map.
    left = left[np.lexsort((left, -_score(atoms, rule)[left], -_confidence(atoms, rule)[left]))]
    before = len(left)
    left = left[_apart(places[left], rule, pixel_size_nm)]
    left_out["apart"] = before - len(left)
    left_out["at-most"] = max(0, len(left) - rule.at_most)
    left = left[: rule.at_most]
    step = np.asarray(pixel_size_nm or (1.0, 1.0))
    left = left[_order(places[left], step, shape, rule)]
    fractions = (places[left] + 0.5) / np.asarray(shape, np.float64)
    columns = {"x_fraction": fractions[:, 1], "y_fraction": fractions[:, 0]}
    return BeamTargets(
        columns=columns | {name: np.asarray(column)[left] for name, column in atoms.items()},
        shape=shape,
        left_out=left_out,
        path=path_length(places[left] * step),
        path_unit="px" if pixel_size_nm is None else "nm",
    )


def _of_class(atoms: Mapping[str, np.ndarray], rule: TargetRule, names: Mapping[int, str]) -> np.ndarray:
    if not rule.classes:
        return np.ones(len(atoms["y_px"]), bool)
    if "class_id" not in atoms:
        raise BadParameters("no-such-column", hint="To choose by class give the column class_id as well.")
    wanted: set[int] = set()
    for one in rule.classes:
        if isinstance(one, int):
            wanted.add(one)
            continue
        of_name = {class_id for class_id, name in names.items() if name.casefold() == one.casefold()}
        if not of_name:
            known = ", ".join(sorted(set(names.values()))) or "none has a name yet"
            raise BadParameters("no-such-class", hint=f"No class is called {one!r}; known: {known}.")
        wanted |= of_name
    return np.isin(atoms["class_id"], sorted(wanted))


def _confidence(atoms: Mapping[str, np.ndarray], rule: TargetRule) -> np.ndarray:
    if "confidence" in atoms:
        return np.nan_to_num(np.asarray(atoms["confidence"], np.float64), nan=0.0)
    if rule.min_confidence > 0 or rule.order == "confidence":
        raise BadParameters("no-such-column", hint="To choose by confidence give that column as well.")
    return np.ones(len(atoms["y_px"]))


def _score(atoms: Mapping[str, np.ndarray], rule: TargetRule) -> np.ndarray:
    if "score" in atoms:
        return np.asarray(atoms["score"], np.float64)
    if rule.min_score > 0:
        raise BadParameters("no-such-column", hint="To choose by score give that column as well.")
    return np.zeros(len(atoms["y_px"]))


def _nm(rule_nm: float, pixel_size_nm: tuple[float, float] | None) -> np.ndarray:
    """A length in nm as (y, x) px."""
    if rule_nm == 0.0:
        return np.zeros(2)
    if pixel_size_nm is None:
        raise BadParameters(
            "no-pixel-size", hint="The frame's pixel size is unknown: give distances in px, not in nm."
        )
    return rule_nm / np.asarray(pixel_size_nm)


def _inside(
    places: np.ndarray, shape: tuple[int, int], rule: TargetRule, pixel_size_nm: tuple[float, float] | None
) -> np.ndarray:
    """Far enough from the edge; never outside the scan, where a fraction would leave 0..1."""
    margin = np.maximum(rule.edge_px, _nm(rule.edge_nm, pixel_size_nm))
    to_edge = np.minimum(places + 0.5, np.asarray(shape) - 0.5 - places)
    return np.all(to_edge >= margin, axis=1)


def _apart(places: np.ndarray, rule: TargetRule, pixel_size_nm: tuple[float, float] | None) -> np.ndarray:
    """Indices kept of places in order of preference."""
    kept = np.arange(len(places))
    if rule.apart_px > 0:
        kept = kept[thinned(places[kept], rule.apart_px)]
    if rule.apart_nm > 0:
        one_nm = _nm(1.0, pixel_size_nm)
        kept = kept[thinned(places[kept] / one_nm, rule.apart_nm)]
    return kept


def _order(places: np.ndarray, step: np.ndarray, shape: tuple[int, int], rule: TargetRule) -> np.ndarray:
    """Order of the visit over places that come surest first."""
    if rule.order == "confidence":
        return np.arange(len(places))
    if rule.order == "raster":
        return raster_order(places)
    x, y = rule.start or (0.0, 0.0)
    beam = np.array([y, x]) * np.asarray(shape) - 0.5
    return shortest_order(places * step, beam * step)
