"""Frames: in from the bridge, out to a worker, results back, history."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, TypeVar, cast

import numpy as np
from redis.exceptions import OutOfMemoryError

from paretoscope.adapters.store import keys, scripts
from paretoscope.adapters.store.held import Held, no_frame
from paretoscope.adapters.store.link import translated, utc_text
from paretoscope.adapters.store.packing import as_buffer, as_image, digest, field_of, parse_utc, triples
from paretoscope.adapters.store.records import Claim, FrameState
from paretoscope.contract import DeadLetter, Document, Fault, FrameHeader, Ledger
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import BadFrame, BadInput, Busy, Incompatible
from paretoscope.settings import MIB

D = TypeVar("D", bound=Document)

DROP_REASONS = ("newer-frame", "stream-busy", "too-old")


class Frames(Held):
    @translated
    def put_frame(
        self,
        header: FrameHeader,
        pixels: bytes | bytearray | memoryview | np.ndarray,
        *,
        received_at: datetime | None = None,
        gap: int | None = None,
    ) -> bool:
        """Store a frame and queue it, wholly or not at all; False when it is there already.

        pixels: header.nbytes bytes, row by row, little-endian. received_at: when its last byte came; now when
        None. gap: how many frames are missing before it; counted from epoch and sequence when None.
        Raises StoreDown; Busy when the backlog is full or the stream is paused; BadFrame('sequence-reused')
        when its number belongs to other pixels.
        """
        at = received_at or self._clock()
        told = {"sequence": header.sequence, "shape": list(header.shape), "simulated": header.simulated}
        stored, _ = self._put(
            header.nbytes,
            [
                header.frame_id,
                header.stream,
                header.epoch,
                header.sequence,
                "" if gap is None else gap,
                pack(header),
                as_buffer(pixels),
                header.nbytes,
                utc_text(at),
                at.timestamp() * 1000.0,
                self.limits.backlog_frames,
                self.limits.backlog_mb * MIB,
                self.limits.events,
                self._event("frame", header.stream, header.frame_id, told),
                self.limits.streams,
                field_of(header),
                "" if header.dose_pc_per_nm2 is None else repr(header.dose_pc_per_nm2),
                *self._uptime(),
            ],
        )
        if stored == -2:
            raise Busy(
                "paused",
                hint=f"Stream {header.stream} is paused by the operator; its frames are taken again once it "
                f"is resumed (POST /v1/streams/{header.stream}/resume).",
            )
        if stored < 0:
            raise Busy(
                "backlog-full",
                hint=f"{self.limits.backlog_frames} frames or {self.limits.backlog_mb} MiB already wait for "
                "a worker. Send again later, add workers, or raise limits.backlog_frames / backlog_mb.",
            )
        if not stored and self.header(header.frame_id).crc32 != header.crc32:
            raise BadFrame(
                "sequence-reused",
                hint=f"Frame {header.sequence} of epoch {header.epoch} is stored with other pixels. "
                "Begin a new epoch each time the source starts, and count frames from 0 in it.",
            )
        return bool(stored)

    def _put(self, nbytes: int, args: list[Any]) -> Any:
        """Where memory is full, worked frames are forgotten until there is room; Busy where none is left."""
        while True:
            try:
                return self._run(scripts.PUT_FRAME, [], args)
            except OutOfMemoryError:
                if self._closed() or not self._run(scripts.FORGET_SOME, [], [nbytes]):
                    raise

    @translated
    def claim_frame(self, consumer: str, block_s: float = 0.0) -> Claim | None:
        """The next frame for this worker, or None after `block_s` seconds.

        Frames that a dead worker held come first. What a stream's policy drops is dropped and counted here.
        `consumer` names one worker; two must not share a name.
        """
        while True:
            found = self._next_entry(keys.WORK, consumer, block_s)
            if found is None:
                return None
            entry, fields = found
            frame_id, stream = fields[b"frame"].decode(), fields[b"stream"].decode()
            if self._drop_if_unfit(frame_id, stream, entry):
                continue
            claim = self._claim(frame_id, stream, entry, consumer)
            if claim is not None:
                return claim

    def _claim(self, frame_id: str, stream: str, entry: str, consumer: str) -> Claim | None:
        held = self._run(scripts.BEGIN_WORK, [], [frame_id, entry, consumer, *self._uptime()])
        if not held:
            return None
        header_bytes, received_at, gap, pixels, fence, hung, waited_ms = held
        try:
            header = unpack(header_bytes, FrameHeader)
            image = as_image(header, pixels)
        except (BadInput, Incompatible, ValueError, TypeError) as error:
            hint = f"What is stored of this frame cannot be read: {error!s:.300}"
            fault = Fault(code="unreadable-frame", hint=hint, stream=stream, frame_id=frame_id)
            data = {"code": fault.code, "hint": fault.hint}
            counter = f"fault:{fault.code}"
            self._end(frame_id, stream, entry, int(fence), "failed", "fault", data, counter, [fault])
            return None
        return Claim(
            frame_id=frame_id,
            header=header,
            pixels=image,
            entry=entry,
            deliveries=self._deliveries(keys.WORK, entry),
            received_at=parse_utc(received_at.decode()),
            gap=int(gap),
            fence=int(fence),
            hung=int(hung),
            waited_s=float(waited_ms) / 1e3,
        )

    def _drop_if_unfit(self, frame_id: str, stream: str, entry: str) -> bool:
        """Whether the stream's policy drops this frame; it is then closed and counted by its reason."""
        fields = ["drop", "keep_newest", "max_age_ms"]
        held = cast("list[bytes | None]", self._redis.hmget(keys.policy(stream), fields))
        drop, keep, max_age_ms = held
        if drop in (None, b"wait") and not max_age_ms:
            return False
        events = [self._event("drop", stream, frame_id, {"reason": reason}) for reason in DROP_REASONS]
        args = [self.limits.history_frames, self.limits.history_mb * MIB, self.limits.events]
        args += [drop or b"wait", keep or 1, max_age_ms or "", *self._uptime()]
        args += [part for pair in zip(DROP_REASONS, events, strict=True) for part in pair]
        return bool(self._run(scripts.DROP_UNFIT, [], [frame_id, stream, entry, *args]))

    @translated
    def publish(self, frame_id: str, documents: Iterable[Document], claim: Claim | None = None) -> bool:
        """Write results that others see at once; the frame stays with its worker.

        claim: whose results they are; once another worker took the frame over nothing is written.

        Publishing the same again changes nothing and tells nobody; a document of an older revision never
        replaces a newer one. Returns whether anything changed. Raises NotFound when the frame is forgotten.
        """
        documents = list(documents)
        told = digest(documents) | {"published": sorted({type(one).__name__ for one in documents})}
        event = self._event("progress", self.stream_of(frame_id), frame_id, told)
        changed = self._run(
            scripts.PUBLISH, [], [frame_id, self.limits.events, event, _fence(claim), *triples(documents)]
        )
        if changed < 0:
            raise no_frame(frame_id)
        return bool(changed)

    @translated
    def finish_frame(self, claim: Claim, documents: Iterable[Document]) -> bool:
        """Write the results and close the frame; one 'result' event.

        False when the frame had been closed before, or another worker took it over: nothing is written then.
        """
        documents = list(documents)
        late = any(isinstance(one, Ledger) and not one.met for one in documents)
        told = digest(documents)
        return self._close(claim, "done", "result", told, "frames:late" if late else "", documents)

    @translated
    def fail_frame(self, claim: Claim, fault: Fault) -> bool:
        """Close a frame that cannot be worked; the fault is kept as its document and counted by code."""
        data = {"code": fault.code, "hint": fault.hint}
        return self._close(claim, "failed", "fault", data, f"fault:{fault.code}", [fault])

    @translated
    def bury_frame(self, claim: Claim, fault: Fault) -> bool:
        """Close a frame that workers died over; it is kept with its pixels among the dead letters."""
        data = {"code": fault.code, "hint": fault.hint, "dead_letter": True}
        letter = DeadLetter(
            frame_id=claim.frame_id,
            stream=claim.header.stream,
            at=self._now_text(),
            deliveries=claim.deliveries - 1,
            fault=fault,
        )
        counter = f"fault:{fault.code}"
        return self._close(claim, "failed", "fault", data, counter, [fault], pack(letter))

    def _close(
        self,
        claim: Claim,
        state: FrameState,
        kind: str,
        data: dict[str, Any],
        counter: str,
        documents: list[Document],
        letter: bytes = b"",
    ) -> bool:
        whose = (claim.frame_id, claim.header.stream, claim.entry, claim.fence)
        return self._end(*whose, state, kind, data, counter, documents, letter)

    def _end(
        self,
        frame_id: str,
        stream: str,
        entry: str,
        fence: int,
        state: FrameState,
        kind: str,
        data: dict[str, Any],
        counter: str,
        documents: list[Document],
        letter: bytes = b"",
    ) -> bool:
        args: list[Any] = [frame_id, stream, entry, state]
        args += [self.limits.history_frames, self.limits.history_mb * MIB, self.limits.events]
        args += [self._event(kind, stream, frame_id, data), counter, fence]
        args += [letter, self.limits.dead_letters, self.limits.dead_letters_mb * MIB]
        return bool(self._run(scripts.CLOSE_FRAME, [], [*args, *triples(documents)]))

    @translated
    def next_revision(self, frame_id: str) -> int:
        """A number no other detection of this frame has: 1, 2, ... Raises NotFound."""
        revision = int(self._run(scripts.NEXT_REVISION, [keys.frame(frame_id)], []))
        if revision == 0:
            raise no_frame(frame_id)
        return revision


def _fence(claim: Claim | None) -> int | str:
    """What a write must show to be the present holder's; '' for writes that are nobody's claim."""
    return claim.fence if claim is not None else ""
