"""Frames, documents and stores for the suites that need a real store."""

from __future__ import annotations

import zlib

import numpy as np

from paretoscope.contract import (
    AtomMap,
    ExpectedCount,
    FrameHeader,
    FrontPoint,
    Guard,
    Ledger,
    LogParams,
    ParetoFront,
    StageTime,
)

PARAMS = LogParams(sigma_min=1.5, sigma_max=4.0, threshold=0.05, overlap=0.3)


def frame(sequence: int = 0, stream: str = "stem", epoch: str = "e1", side: int = 16, **extra: object):
    """A header and its pixels, (side, side) uint16, different for every sequence number."""
    pixels = (np.arange(side * side, dtype=np.uint16) + np.uint16(sequence)).reshape(side, side)
    data = pixels.tobytes()
    header = FrameHeader(
        stream=stream,
        epoch=epoch,
        sequence=sequence,
        shape=(side, side),
        dtype="uint16",
        nbytes=len(data),
        crc32=zlib.crc32(data),
        **extra,
    )
    return header, pixels


def atom_map(frame_id: str, count: int = 3, revision: int = 0) -> AtomMap:
    column = np.linspace(1.0, 9.0, count, dtype=np.float32)
    return AtomMap(
        frame_id=frame_id,
        revision=revision,
        columns={"atom_id": np.arange(count, dtype=np.int32), "y_px": column, "x_px": column},
        shape=(16, 16),
        params=PARAMS,
    )


def front(frame_id: str, revision: int = 0, chosen: int = 1) -> ParetoFront:
    points = [
        FrontPoint(
            params=PARAMS.model_copy(update={"threshold": threshold}), qc=qc, er=er, n_found=9, n_close=1
        )
        for threshold, qc, er in ((0.02, 0.0, 0.3), (0.05, 0.1, 0.1), (0.09, 0.4, 0.0))
    ]
    return ParetoFront(
        frame_id=frame_id,
        revision=revision,
        points=points,
        chosen=chosen,
        n_expected=ExpectedCount(value=400.0, source="lattice-occupied-area"),
    )


def ledger(frame_id: str) -> Ledger:
    return Ledger(
        frame_id=frame_id,
        received_at="2026-11-21T09:30:00Z",
        stages=[StageTime(name="detect", ms=3.0)],
        total_ms=12.0,
        deadline_ms=3000.0,
        met=True,
    )


def guard(frame_id: str) -> Guard:
    return Guard(frame_id=frame_id, fit_for_control=False, reasons=["simulated"])
