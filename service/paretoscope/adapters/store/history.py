"""What a page draws of many frames at once, and what a stream's frames add up to; no columns are unpacked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

from paretoscope.adapters.store import keys
from paretoscope.adapters.store.link import translated
from paretoscope.adapters.store.packing import ROW
from paretoscope.adapters.store.records import FrameState
from paretoscope.adapters.store.streams import Streams
from paretoscope.contract import FrameHeader
from paretoscope.contract.codec import unpack

_KINDS = ("AtomMap", "ParetoFront", "Classes", "Ledger", "Guard", "Fault")


@dataclass(frozen=True)
class HistoryEntry:
    frame_id: str
    state: FrameState
    header: FrameHeader
    gap: int
    """How many frames are missing just before it."""
    received_at: str
    """UTC."""
    told: dict[str, Any]
    """atoms, qc, er, n_expected, points, classes, total_ms, deadline_ms, met, mode, ...: what there is."""


class History(Streams):
    @translated
    def history(self, stream: str, limit: int = 100, before: str | None = None) -> list[HistoryEntry]:
        """The frames that are kept, newest first; those that came before the frame `before`.

        Empty where `before` is not kept any more: whatever came before it has gone as well.
        """
        highest: Any = "+inf"
        if before is not None:
            score = cast("float | None", self._redis.zscore(keys.history(stream), before))
            if score is None:
                return []
            highest = f"({score:.0f}"
        found = self._redis.zrevrangebyscore(keys.history(stream), highest, "-inf", start=0, num=limit)
        ids = [one.decode() for one in cast("list[bytes]", found)]
        pipe = self._redis.pipeline(transaction=False)
        for frame_id in ids:
            rows = [f"doc:{ROW}{kind}" for kind in _KINDS]
            pipe.hmget(keys.frame(frame_id), "state", "header", "gap", "received_at", *rows)
        entries = []
        for frame_id, (state, header, gap, received_at, *rows) in zip(ids, pipe.execute(), strict=True):
            if header is None:
                continue  # forgotten between the two questions
            told: dict[str, Any] = {}
            for row in rows:
                told |= json.loads(row) if row else {}
            entries.append(
                HistoryEntry(
                    frame_id=frame_id,
                    state=state.decode(),
                    header=unpack(header, FrameHeader),
                    gap=int(gap),
                    received_at=received_at.decode(),
                    told=told,
                )
            )
        return entries

    @translated
    def tally(self, stream: str) -> dict[str, str]:
        """Counts since the stream began, by name; empty for a stream that has had no frame."""
        held = cast("dict[bytes, bytes]", self._redis.hgetall(f"{keys.TALLY}{stream}"))
        return {name.decode(): value.decode() for name, value in held.items()}
