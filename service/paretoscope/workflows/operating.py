"""The operator's pick on the front: kept from frame to frame until another is made."""

from __future__ import annotations

from dataclasses import replace

from paretoscope.contract import FrontPoint, LogParams, OperatingPoint, StreamMemory, StreamPolicy
from paretoscope.core import rewards
from paretoscope.core.blobs import Blobs
from paretoscope.workflows.choice import marked, pick_among, resolutions
from paretoscope.workflows.prepared import Prepared
from paretoscope.workflows.tuning import Tuned


def scored_point(prepared: Prepared, params: LogParams, blobs: Blobs, names: list[str]) -> FrontPoint:
    """What `params`, which found `blobs`, are worth on this frame, wherever they came from."""
    values = rewards.evaluate([*dict.fromkeys(["qc", "er", *names])], blobs, prepared.expectation)
    return FrontPoint(
        params=params,
        qc=float(values["qc"].value or 0.0),
        er=float(values["er"].value or 0.0),
        n_found=int(rewards.counted(blobs, prepared.expectation).sum()),
        n_close=round(values["er"].numerator or 0.0),
        rewards=values,
    )


def keep_operating_point(
    prepared: Prepared, tuned: Tuned, policy: StreamPolicy, memory: StreamMemory
) -> Tuned:
    """`tuned` with the operator's standing choice as its chosen point.

    A weight is applied to the new front. Parameters are kept as they are: where the new front does not
    hold them they are added to it, `dominated` if something better is known by now.
    """
    standing = memory.operating
    if standing is None or standing.origin != "operator" or not tuned.points:
        return tuned
    if standing.weight is not None:
        ties = resolutions(policy.rewards, prepared.expectation.document())
        return replace(tuned, chosen=pick_among(tuned.points, standing.weight, policy.rewards, ties))
    params = prepared.snap(standing.params)
    return with_point(prepared, tuned, params, policy.rewards)


def with_point(prepared: Prepared, tuned: Tuned, params: LogParams, names: list[str]) -> Tuned:
    """`tuned` with `params` on the front and chosen."""
    for index, point in enumerate(tuned.points):
        if point.params == params:
            return replace(tuned, chosen=index)
    kept = scored_point(prepared, params, prepared.detect(params), names)
    points = marked([*tuned.points, kept], names)
    return replace(tuned, points=points, chosen=[point.params for point in points].index(params))


def operating_point_of(tuned: Tuned, frame_id: str, memory: StreamMemory) -> OperatingPoint | None:
    """Where the next frame starts: the operator's standing choice, else what the service chose."""
    if memory.operating is not None and memory.operating.origin == "operator":
        standing = memory.operating
        if standing.weight is None or tuned.params is None:
            return standing
        return standing.model_copy(update={"params": tuned.params})
    if tuned.params is None:
        return memory.operating
    return OperatingPoint(params=tuned.params, origin="service", frame_id=frame_id)
