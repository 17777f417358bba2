"""Which point of a front a weight means, ties and all."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paretoscope.contract import ExpectedCount, FrontPoint, ParetoFront
from paretoscope.core import pareto

REFERENCE = 1.0
"""Of every reward: QC = 1 is as many wrong as expected, ER = 1 as many too close as expected."""


def pick(front: ParetoFront, weight: float, names: Sequence[str] = ("qc", "er")) -> int:
    """Index into ``front.points``: 0 = the least QC (fewer missed atoms), 1 = the least ER (fewer false).

    Points that agree within the resolution are one place on the way, held by the one with the largest
    `tie_break`. Raises BadParameters for a front without points or a weight outside 0..1.
    """
    return pick_among(front.points, weight, names, resolutions(names, front.n_expected))


def pick_among(
    points: Sequence[FrontPoint], weight: float, names: Sequence[str], ties: Sequence[float]
) -> int:
    """The same for points that are not in a document yet. ties: resolutions, one per name.

    A `dominated` point can be meant where it is so only within the resolution.
    """
    tied = pick_group(_values(points, names), weight, ties)
    return max(tied.tolist(), key=lambda index: points[index].tie_break)


def pick_group(values: np.ndarray, weight: float, ties: Sequence[float]) -> np.ndarray:
    """Indices of the points that hold the place meant by `weight`: equally good within the resolution.

    values: (points, objectives).
    """
    groups = pareto.tied_groups(values, (np.inf,) * len(ties), ties)
    # Cells, not values: a winner by tie-break may have a larger sum than its neighbour on the front.
    places = pareto.cells(values[[group[0] for group in groups]], ties) * np.asarray(ties)
    return groups[pareto.choose(places, weight, (REFERENCE,) * len(ties))]


def marked(points: Sequence[FrontPoint], names: Sequence[str] = ("qc", "er")) -> list[FrontPoint]:
    """The points, by rising QC and ER, with `dominated` set for what is among them."""
    ordered = sorted(points, key=lambda point: (point.qc, point.er))
    values = _values(ordered, names)
    no_worse = (values[:, None] <= values[None]).all(axis=2)
    better = (values[:, None] < values[None]).any(axis=2)
    beaten: list[bool] = np.any(no_worse & better, axis=0).tolist()
    return [
        point if point.dominated == so else point.model_copy(update={"dominated": so})
        for point, so in zip(ordered, beaten, strict=True)
    ]


def resolutions(names: Sequence[str], expected: ExpectedCount | None) -> tuple[float, ...]:
    """Differences per reward below which two points are equally good."""
    if expected is None:
        return (pareto.MIN_RESOLUTION,) * len(names)
    n = expected.value
    area, neighbour = expected.area_px or 0.0, expected.neighbour_px or 1.0
    return tuple(
        pareto.count_resolution(n, area, neighbour) if name == "qc" else pareto.resolution(n)
        for name in names
    )


def _values(points: Sequence[FrontPoint], names: Sequence[str]) -> np.ndarray:
    values = np.array([[_value(point, name) for name in names] for point in points], dtype=np.float64)
    return values.reshape(-1, len(names))


def _value(point: FrontPoint, name: str) -> float:
    if name in ("qc", "er"):
        return float(getattr(point, name))
    given = point.rewards.get(name)
    return np.inf if given is None or given.value is None else given.value
