"""What the store holds of a frame: header, pixels, state, documents."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar, cast

import numpy as np

from paretoscope.adapters.store import keys
from paretoscope.adapters.store.link import translated
from paretoscope.adapters.store.packing import ROW, as_image, parse_utc
from paretoscope.adapters.store.queue import Queue
from paretoscope.adapters.store.records import FrameState, Snapshot
from paretoscope.contract import Document, FrameHeader
from paretoscope.contract.codec import unpack
from paretoscope.errors import NotFound

D = TypeVar("D", bound=Document)


class Held(Queue):
    def _field(self, frame_id: str, name: str) -> bytes:
        held = cast("bytes | None", self._redis.hget(keys.frame(frame_id), name))
        if held is None:
            raise no_frame(frame_id)
        return held

    @translated
    def header(self, frame_id: str) -> FrameHeader:
        """Raises NotFound."""
        return unpack(self._field(frame_id, "header"), FrameHeader)

    @translated
    def pixels(self, frame_id: str) -> np.ndarray:
        """(rows, columns) of the header's dtype, read-only. Raises NotFound."""
        header = self.header(frame_id)
        held = cast("bytes | None", self._redis.get(keys.pixels(frame_id)))
        if held is None:
            raise no_frame(frame_id)
        return as_image(header, held)

    @translated
    def document(self, frame_id: str, kind: type[D]) -> D | None:
        """The newest document of that type, None where there is none yet. Raises NotFound: no such frame."""
        held = cast(
            "list[bytes | None]", self._redis.hmget(keys.frame(frame_id), "state", f"doc:{kind.__name__}")
        )
        if held[0] is None:
            raise no_frame(frame_id)
        return None if held[1] is None else unpack(held[1], kind)

    @translated
    def snapshot(
        self, frame_id: str, *kinds: type[Document], told: Sequence[type[Document]] = ()
    ) -> Snapshot:
        """Header, state and the newest documents of these types, all of the same moment. Raises NotFound.

        told: of these types only what a list tells of them, which unpacks no columns; of an atom map: atoms,
        revision, params (where one set was used for the whole frame).
        """
        names = [f"doc:{kind.__name__}" for kind in kinds] + [f"doc:{ROW}{kind.__name__}" for kind in told]
        found = cast("list[bytes | None]", self._redis.hmget(keys.frame(frame_id), "header", "state", *names))
        header, state, packed, rows = found[0], found[1], found[2 : 2 + len(kinds)], found[2 + len(kinds) :]
        if header is None or state is None:
            raise no_frame(frame_id)
        said: dict[str, Any] = {}
        for row in rows:
            said |= json.loads(row) if row else {}
        return Snapshot(
            header=unpack(header, FrameHeader),
            state=cast(FrameState, state.decode()),
            told=said,
            documents={kind: unpack(one, kind) for kind, one in zip(kinds, packed, strict=True) if one},
        )

    @translated
    def state(self, frame_id: str) -> FrameState:
        """'queued', 'working', 'done', 'failed' or 'dropped'. Raises NotFound."""
        return cast(FrameState, self._field(frame_id, "state").decode())

    @translated
    def gap(self, frame_id: str) -> int:
        """How many frames are missing just before this one. Raises NotFound."""
        return int(self._field(frame_id, "gap"))

    @translated
    def last_sequence(self, stream: str) -> tuple[str, int] | None:
        """(epoch, sequence) up to which frames have come; None for a stream that has none."""
        epoch, sequence = cast(
            "list[bytes | None]", self._redis.hmget(keys.last(stream), "epoch", "sequence")
        )
        return None if epoch is None or sequence is None else (epoch.decode(), int(sequence))

    @translated
    def received_at(self, frame_id: str) -> datetime:
        """UTC. Raises NotFound."""
        return parse_utc(self._field(frame_id, "received_at").decode())

    @translated
    def stream_of(self, frame_id: str) -> str:
        """Raises NotFound."""
        return self._field(frame_id, "stream").decode()


def no_frame(frame_id: str) -> NotFound:
    return NotFound(
        "no-such-frame",
        hint=f"There is no frame {frame_id}: check the id; old frames are forgotten (limits.history_frames).",
    )
