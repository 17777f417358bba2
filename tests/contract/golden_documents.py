"""The documents behind ``golden/*.bin``; ``python -m contract.golden_documents`` in tests/ writes new files.

A file that is there is never rewritten: it stands for what older versions wrote, and must stay readable.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paretoscope import contract as c
from paretoscope.contract.codec import pack
from paretoscope.contract.wire import WIRE_MINOR, encode

FOLDER = Path(__file__).parent / "golden"

PARAMS = c.LogParams(sigma_min=1.5, sigma_max=4.0, threshold=0.05, overlap=0.3)
HEADER = c.FrameHeader(
    stream="haadf",
    epoch="e1",
    sequence=7,
    shape=(2, 3),
    dtype="uint16",
    nbytes=12,
    crc32=1512659338,
    pixel_size_nm=(0.02, 0.04),
    dwell_us=5.0,
    acquired_end="2026-11-21T09:30:00.123Z",
    detector="HAADF",
)
POINT = c.FrontPoint(
    params=PARAMS, qc=0.25, er=0.5, n_found=3, n_close=2, rewards={"qc": c.RewardValue(value=0.25)}
)

DOCUMENTS: dict[str, c.Document] = {
    "header": HEADER,
    "params": PARAMS,
    "event": c.Event(kind="gap", stream="haadf", at="2026-11-21T09:30:00Z", data={"missing": 3, "why": None}),
    "atoms": c.AtomMap(
        frame_id="haadf-e1-000007",
        columns={
            "atom_id": np.array([0, 1], np.int32),
            "y_px": np.array([0.5, 1.25], np.float32),
            "area_kind": np.array([1, 2], np.uint8),
        },
        pixel_size_nm=(0.02, 0.04),
        shape=(2, 3),
        params=PARAMS,
        mask=np.array([[0, 1, 2]], np.uint8),
    ),
    "front": c.ParetoFront(
        frame_id="haadf-e1-000007", points=[POINT], chosen=0, stop_reason="budget", optimiser="qlognehvi"
    ),
    "classes": c.Classes(
        frame_id="haadf-e1-000007",
        classes=[c.AtomClass(class_id=0, name="Sr", count=2, weight=1.0)],
        labels=np.array([0, -1], np.int32),
        probability=np.array([1.0, 0.0], np.float32),
        centroids=np.zeros((1, 2, 2), np.float32),
        dispersions=np.ones((1, 2, 2), np.float32),
        components=np.array([[1.0, 2.0], [np.nan, np.nan]], np.float32),
        explained_variance=np.array([0.75, 0.25], np.float32),
        patch_px=2,
    ),
    "memory": c.StreamMemory(
        operating=c.OperatingPoint(params=PARAMS, weight=0.5, frame_id="haadf-e1-000007"),
        front=[PARAMS],
        neighbour_px=12.5,
        class_ids=[0, 7],
        class_names={0: "Sr", 7: "Ti"},
    ),
    "choice": c.Choice(frame_id="haadf-e1-000007", stream="haadf", weight=0.5),
    "policy": c.StreamPolicy(
        lattice=c.LatticeSpec(
            a_nm=0.39, b_nm=0.39, gamma_deg=90.0, basis=[c.Basis(x=0.5, y=0.5, species="Ti")]
        ),
        optimiser="qlognehvi",
    ),
}
"""Packed by ``contract.codec``."""

MESSAGES: dict[str, c.Document] = {
    "frame": HEADER,
    "end": c.StreamEnd(stream="haadf", epoch="e1", frames=8),
    "heartbeat": c.Heartbeat(stream="haadf", monotonic_ns=123456789),
    "ack": c.Ack(frame_id="haadf-e1-000007", stream="haadf", epoch="e1", sequence=7, gap=2),
    "fault": c.Fault(
        code="bad-size", hint="Check the sender's dtype.", stream="haadf", epoch="e1", sequence=7
    ),
    "busy": c.BusyNotice(code="store-down", hint="The store does not answer.", retry_after_s=0.5),
}
"""Header parts on the wire since version 1.0 of the protocol."""

ROW_MESSAGES: dict[str, c.Document] = {
    "rows-begin": c.RowsBegin(**HEADER.model_dump(exclude={"crc32", "acquired_end"})),
    "rows": c.RowBlock(stream="haadf", epoch="e1", sequence=7, first_row=1, rows=1, crc32=HEADER.crc32),
    "rows-end": c.RowsEnd(**HEADER.model_dump()),
    "rows-held": c.RowsHeld(stream="haadf", epoch="e1", sequence=7, held=2),
}
"""Those that came with version 1.1."""

PINNED = {"header", "params", "event"}
"""Documents whose every byte is pinned; the others may gain fields."""


def files() -> dict[str, bytes]:
    packed = {f"document-{name}.bin": pack(document) for name, document in DOCUMENTS.items()}
    spoken = (MESSAGES | ROW_MESSAGES).items()
    return packed | {f"wire-{name}-1.{WIRE_MINOR}.bin": encode(document) for name, document in spoken}


if __name__ == "__main__":
    for name, data in files().items():
        if not (FOLDER / name).exists():
            (FOLDER / name).write_bytes(data)
            print(f"wrote {name}: {len(data)} bytes")
