"""One message in, one answer out: checked, stored, then acknowledged. Knows the store but no socket.

what came                       store              answer
frame, sound and new            put_frame          ack, after put_frame returned
frame, known to be stored       not asked          ack, duplicate
frame, sound                    down or full       busy: send it again after `retry_after_s`
frame, of a second sender       not asked          busy: see ``holds``
frame, not sound                not asked          fault, counted by its code
end                             append_event       ack
rows-begin, rows                shown, if it can   rows-held; fault where they do not fit
rows-end                        as a frame         as a frame
heartbeat                       not asked          heartbeat, echoed
anything else                   not asked          fault, counted by its code
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from paretoscope.bridge.holds import NOBODY, Holds, taken
from paretoscope.bridge.rows import RowDesk
from paretoscope.bridge.scans import Scans
from paretoscope.bridge.session import Session
from paretoscope.bridge.stores import FrameStore
from paretoscope.bridge.tally import Tally
from paretoscope.contract import (
    Ack,
    BusyNotice,
    Event,
    Fault,
    Heartbeat,
    RowsBegin,
    RowsEnd,
    RowsHeld,
    StreamEnd,
)
from paretoscope.contract.wire import (
    Buffer,
    FrameMessage,
    Reply,
    RowsMessage,
    Subject,
    decode_request,
    subject_of,
    type_of,
)
from paretoscope.errors import (
    BadFrame,
    BadInput,
    Busy,
    Incompatible,
    ParetoscopeError,
    StoreDown,
)

log = logging.getLogger(__name__)

Request = FrameMessage | StreamEnd | RowsBegin | RowsMessage | RowsEnd

STORE_PAUSE_S = 0.5
"""After the store failed to answer, frames hear 'busy' at once for this long."""
BACKLOG_PAUSE_S = 0.25
PAUSED_S = 0.5
"""How soon a sender whose stream is paused asks again."""
TAKEN_S = 1.0
"""How soon one whose stream another holds asks again."""


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
        self._holds = Holds(clock)
        self._scans = Scans(store, tally, clock, lambda: _text(utc_now()))
        self._desk = RowDesk(self._scans.dropped)

    def tick(self) -> None:
        """Call now and then: unfinished frames that nobody goes on with are given up."""
        self._desk.expire(self._clock())

    def gone(self, peer: int) -> None:
        """A peer's connection was closed."""
        self._holds.gone(peer)

    def contested(self) -> list[str]:
        """Streams that two senders want."""
        return self._holds.contested()

    def answer(self, parts: Sequence[Buffer], peer: int = NOBODY) -> Reply:
        """Whatever `parts` are, there is exactly one answer and never an exception.

        peer: a number for the connection over which they came.
        """
        try:
            request = decode_request(parts)
        except (BadInput, Incompatible) as error:
            about = subject_of(parts)
            return self._refuse(error, about, sent=about.about is None)
        self._holds.heard(peer)
        if isinstance(request, Heartbeat):
            return request
        about = _subject(request)
        if not isinstance(request, RowsBegin | RowsMessage) and self._clock() < self._store_back_s:
            return self._busy(StoreDown(hint="The store does not answer; the frame was not taken."), about)
        try:
            self._admit(request, about, peer)
            return self._take(request)
        except StoreDown as error:
            self._store_back_s = self._clock() + STORE_PAUSE_S
            return self._busy(error, about)
        except Busy as error:
            return self._busy(error, about)
        except ParetoscopeError as error:
            return self._refuse(error, about, sent=about.about is None)
        except Exception as error:
            # A fault of ours must not silence every other sender: told, logged, counted, and life goes on.
            log.exception("the bridge failed on a message")
            broken = ParetoscopeError(
                hint=f"The bridge failed on this message ({type(error).__name__}). See its log.", retry=True
            )
            return self._refuse(broken, about, sent=False)

    def _admit(self, request: Request, about: Subject, peer: int) -> None:
        """Take up a source unknown to this run. Raises StoreDown, and to a second sender of a stream Busy
        ('stream-taken'), BadFrame where it asks to send rows."""
        if isinstance(request, RowsMessage):
            return
        stream, epoch = about.stream or "", about.epoch or ""
        try:
            self._recall(stream, epoch)
        except StoreDown:
            if not isinstance(request, RowsBegin):
                raise
        first = not self._holds.is_contested(stream)
        if self._holds.claim(stream, epoch, peer):
            return
        error = taken(stream)
        if first:
            data = {"code": error.code, "hint": error.hint, "count": 1, "where": "bridge"}
            self._tally.event(Event(kind="fault", stream=stream, at=_text(self._utc_now()), data=data))
        if isinstance(request, RowsBegin):
            raise BadFrame(error.code, hint=error.hint)
        raise error

    def _take(self, request: Request) -> Reply:
        if isinstance(request, FrameMessage):
            self._desk.came_whole(request.header)
            return self._frame(request)
        if isinstance(request, StreamEnd):
            return self._end(request)
        if isinstance(request, RowsEnd):
            return self._rows_end(request)
        return self._rows(request)

    def _frame(self, message: FrameMessage) -> Ack:
        header = message.header
        received_at = self._utc_now()
        if self._session.is_duplicate(header):
            self._tally.count("frames:duplicate", stream=header.stream)
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

    def _rows(self, request: RowsBegin | RowsMessage) -> RowsHeld:
        """Rows of an unfinished frame are held here and shown in the store; neither makes anybody wait."""
        if isinstance(request, RowsBegin):
            one = self._desk.begin(request, self._clock())
            self._tally.count("rows:begun")
            self._scans.begun(one)
        else:
            one, new = self._desk.add(request.block, request.pixels, self._clock())
            if new:
                self._tally.count("rows:blocks")
                self._scans.rows(one, request.block.first_row, request.pixels)
        begin = one.begin
        return RowsHeld(stream=begin.stream, epoch=begin.epoch, sequence=begin.sequence, held=one.held)

    def _rows_end(self, end: RowsEnd) -> Ack:
        message = self._desk.finish(end)
        self._tally.count("rows:assembled")
        ack = self._frame(message)
        self._scans.over(end.stream)
        return ack

    def _end(self, end: StreamEnd) -> Ack:
        ack = self._session.end(end)
        if not ack.duplicate:
            data = {"epoch": end.epoch, "frames": end.frames, "missing": ack.gap}
            self._store.append_event(
                Event(kind="end", stream=end.stream, at=_text(self._utc_now()), data=data)
            )
            self._session.ended(end)
        self._holds.let_go(end.stream, end.epoch)
        return ack

    def _recall(self, stream: str, epoch: str) -> None:
        """Of a source unknown to this run, take up where the run before left off; raises StoreDown."""
        if not self._session.knows(stream, epoch):
            last = self._store.last_sequence(stream)
            if last is not None and last[0] == epoch:
                self._session.resume(stream, epoch, last[1])
            elif last is not None:
                self._holds.recall(stream, last[0])

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
            about=about.about,
        )

    def _busy(self, error: ParetoscopeError, about: Subject) -> BusyNotice:
        self._tally.count(f"bridge:busy:{error.code}")
        return BusyNotice(
            code=error.code,
            hint=error.hint,
            retry_after_s=_pause_s(error),
            stream=about.stream,
            epoch=about.epoch,
            sequence=about.sequence,
        )


def _pause_s(error: ParetoscopeError) -> float:
    if isinstance(error, StoreDown):
        return STORE_PAUSE_S
    return {"paused": PAUSED_S, "stream-taken": TAKEN_S}.get(error.code, BACKLOG_PAUSE_S)


def _subject(request: Request) -> Subject:
    if isinstance(request, StreamEnd):
        return Subject(request.stream, request.epoch, request.frames)
    if isinstance(request, FrameMessage):
        return Subject(request.header.stream, request.header.epoch, request.header.sequence)
    one = request.block if isinstance(request, RowsMessage) else request
    return Subject(one.stream, one.epoch, one.sequence, type_of(one))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
