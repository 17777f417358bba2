"""One message in, one answer out: checked, stored, then acknowledged. Knows the store but no socket.

what came                       store              answer
frame, sound and new            put_frame          ack, after put_frame returned
frame, known to be stored       not asked          ack, duplicate
frame, sound                    down or full       busy: send it again after `retry_after_s`
frame, not sound                not asked          fault, counted by its code
end                             append_event       ack
heartbeat                       not asked          heartbeat, echoed
anything else                   not asked          fault, counted by its code
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from paretoscope.bridge.session import Session
from paretoscope.bridge.stores import FrameStore
from paretoscope.bridge.tally import Tally
from paretoscope.contract import Ack, BusyNotice, Event, Fault, Heartbeat, StreamEnd
from paretoscope.contract.wire import Buffer, FrameMessage, Reply, Subject, decode_request, subject_of
from paretoscope.errors import (
    BadInput,
    Busy,
    Incompatible,
    ParetoscopeError,
    StoreDown,
)

log = logging.getLogger(__name__)

STORE_PAUSE_S = 0.5
"""After the store failed to answer, frames hear 'busy' at once for this long."""
BACKLOG_PAUSE_S = 0.25


class Reception:
    def __init__(
        self,
        store: FrameStore,
        session: Session,
        tally: Tally,
        clock: Callable[[], float],
        utc_now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._session = session
        self._tally = tally
        self._clock = clock
        self._utc_now = utc_now
        self._store_back_s = float("-inf")

    def answer(self, parts: Sequence[Buffer]) -> Reply:
        """Whatever `parts` are, there is exactly one answer and never an exception."""
        try:
            request = decode_request(parts)
        except (BadInput, Incompatible) as error:
            return self._refuse(error, subject_of(parts), sent=True)
        if isinstance(request, Heartbeat):
            return request
        about = _subject(request)
        if self._clock() < self._store_back_s:
            return self._busy(StoreDown(hint="The store does not answer; the frame was not taken."), about)
        try:
            return self._frame(request) if isinstance(request, FrameMessage) else self._end(request)
        except StoreDown as error:
            self._store_back_s = self._clock() + STORE_PAUSE_S
            return self._busy(error, about)
        except Busy as error:
            return self._busy(error, about)
        except ParetoscopeError as error:
            return self._refuse(error, about, sent=True)
        except Exception as error:
            # A fault of ours must not silence every other sender: told, logged, counted, and life goes on.
            log.exception("the bridge failed on a message")
            broken = ParetoscopeError(
                hint=f"The bridge failed on this message ({type(error).__name__}). See its log.", retry=True
            )
            return self._refuse(broken, about, sent=False)

    def _frame(self, message: FrameMessage) -> Ack:
        header = message.header
        received_at = self._utc_now()
        self._recall(header.stream, header.epoch)
        if self._session.is_duplicate(header):
            self._tally.count("frames:duplicate")
            return self._session.duplicate(header)
        gap = self._session.gap_before(header)
        new = self._store.put_frame(header, message.pixels, received_at=received_at, gap=gap)
        ack = self._session.stored(header, new)
        if ack.gap:
            self._tally.event(
                Event(
                    kind="gap",
                    stream=header.stream,
                    frame_id=header.frame_id,
                    at=_text(received_at),
                    data={"missing": ack.gap, "epoch": header.epoch, "before": header.sequence},
                )
            )
        return ack

    def _end(self, end: StreamEnd) -> Ack:
        self._recall(end.stream, end.epoch)
        ack = self._session.end(end)
        if not ack.duplicate:
            data = {"epoch": end.epoch, "frames": end.frames, "missing": ack.gap}
            self._store.append_event(
                Event(kind="end", stream=end.stream, at=_text(self._utc_now()), data=data)
            )
            self._session.ended(end)
        return ack

    def _recall(self, stream: str, epoch: str) -> None:
        """Of a source unknown to this run, take up where the run before left off; raises StoreDown."""
        if not self._session.knows(stream, epoch):
            last = self._store.last_sequence(stream)
            if last is not None and last[0] == epoch:
                self._session.resume(stream, epoch, last[1])

    def _refuse(self, error: ParetoscopeError, about: Subject, sent: bool) -> Fault:
        self._tally.fault(error, about)
        if sent and about.stream and about.epoch and about.sequence is not None:
            try:
                self._recall(about.stream, about.epoch)
            except StoreDown:
                log.debug("the store is away; frame %s counts from zero", about.sequence)
            self._session.refused(about.stream, about.epoch, about.sequence)
        return Fault(
            code=error.code,
            hint=error.hint,
            retry=error.retry,
            stream=about.stream,
            epoch=about.epoch,
            sequence=about.sequence,
        )

    def _busy(self, error: ParetoscopeError, about: Subject) -> BusyNotice:
        self._tally.count(f"bridge:busy:{error.code}")
        return BusyNotice(
            code=error.code,
            hint=error.hint,
            retry_after_s=STORE_PAUSE_S if isinstance(error, StoreDown) else BACKLOG_PAUSE_S,
            stream=about.stream,
            epoch=about.epoch,
            sequence=about.sequence,
        )


def _subject(request: FrameMessage | StreamEnd) -> Subject:
    if isinstance(request, StreamEnd):
        return Subject(request.stream, request.epoch, request.frames)
    header = request.header
    return Subject(header.stream, header.epoch, header.sequence)


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
