"""Ways to pick a point of a front: rules for ``Client.choose(frame_id, rule=...)``.

A rule takes the front and returns the index of the point wanted, None where no point will do. Any function
will do as one; these three cover most loops. Dominated points are taken only where they are all there is.

    ER  |x                      x  undominated points
        | x . most_er           least_missed(max_er): the leftmost x below the line
        |--x-----------         least_false(max_qc):  the lowest x left of a vertical line
        |    x   x              balanced():           the x nearest to the corner, on the front's own scale
        +-------------- QC
"""

from __future__ import annotations

from collections.abc import Callable

from paretoscope.contract import FrontPoint, ParetoFront

Rule = Callable[[ParetoFront], int | None]


def least_missed(max_er: float) -> Rule:
    """Least QC among the points whose ER is at most `max_er`: few false atoms, then as many as can be had."""
    return _least(lambda point: point.er <= max_er, lambda point: (point.qc, point.er))


def least_false(max_qc: float) -> Rule:
    """Least ER among the points whose QC is at most `max_qc`."""
    return _least(lambda point: point.qc <= max_qc, lambda point: (point.er, point.qc))


def balanced() -> Rule:
    """The point nearest to the front's ideal corner, both rewards scaled to the front's own range."""

    def rule(front: ParetoFront) -> int | None:
        if not front.points:
            return None
        qcs, ers = [point.qc for point in front.points], [point.er for point in front.points]

        def distance(point: FrontPoint) -> tuple[float, float]:
            qc = (point.qc - min(qcs)) / ((max(qcs) - min(qcs)) or 1.0)
            er = (point.er - min(ers)) / ((max(ers) - min(ers)) or 1.0)
            return (qc**2 + er**2, point.qc)

        return _least(lambda _: True, distance)(front)

    return rule


def _least(admits: Callable[[FrontPoint], bool], value: Callable[[FrontPoint], tuple[float, float]]) -> Rule:
    def rule(front: ParetoFront) -> int | None:
        good = [index for index, point in enumerate(front.points) if admits(point)]
        good = [index for index in good if not front.points[index].dominated] or good
        return min(good, key=lambda index: value(front.points[index]), default=None)

    return rule
