"""Frames to the bridge without ever blocking whoever has them."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from paretoscope.contract import FrameHeader, RowsBegin, StreamEnd
from paretoscope.errors import Busy
from paretoscope_client.courier import Courier
from paretoscope_client.lane import Slip
from paretoscope_client.outbox import PAUSED, TAKEN, Letter, Outbox, WhenFull
from paretoscope_client.pixels import header_for, planned, wire_bytes
from paretoscope_client.receipt import Receipt
from paretoscope_client.scan import Handover, Scan

log = logging.getLogger(__name__)

DEFAULT_URL = "tcp://127.0.0.1:5555"


class FrameSender:
    """Sends one stream of images; works whether the bridge starts before, later or again.

        with FrameSender("tcp://127.0.0.1:5555", "haadf") as sender:
            receipt = sender.send(image, pixel_size_nm=0.02, dwell_us=5.0)
            receipt.wait(10)                      # only where the caller wants to know

    ``send`` copies the image, queues it and returns at once. A thread of its own sends it, again and again
    until the bridge has it; frames keep their order. Where the queue is full, `when_full` says what gives
    way: 'drop-oldest', 'drop-newest', or 'wait' for room (at most `wait_s`, then the new one is dropped).
    Dropped frames keep their sequence number, so that the loss shows as a gap; ``counters`` tells them by
    reason.

    An instrument that has rows while it still scans gives them at once, and the map is out sooner:

        with sender.begin((512, 512), "uint16", pixel_size_nm=0.02) as scan:
            for rows in instrument:
                scan.rows(rows)

    keys: (the client's secret key file, the bridge's public key file) for a bridge on another machine.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        stream: str = "stem",
        *,
        queue_frames: int = 8,
        when_full: WhenFull = "drop-oldest",
        wait_s: float = 1.0,
        window: int = 1,
        ack_timeout_s: float = 2.0,
        heartbeat_s: float = 1.0,
        keys: tuple[Path, Path] | None = None,
        clock: Callable[[], float] = time.monotonic,
        new_epoch: Callable[[], str] = lambda: f"{int(time.time()):x}{secrets.token_hex(3)}",
    ) -> None:
        self.url = url
        self.stream = stream
        self._when_full: WhenFull = when_full
        self._wait_s = wait_s
        self._new_epoch = new_epoch
        self._epoch = new_epoch()
        self._sequence = 0
        self._closed = False
        self._scan: Scan | None = None
        self._room = threading.Condition()
        """Guards the outbox, epoch and sequence; told whenever there may be room."""
        self._outbox = Outbox(queue_frames, window=window, ack_timeout_s=ack_timeout_s)
        self._courier = Courier(url, stream, self._outbox, self._room, clock, heartbeat_s, keys)

    @property
    def epoch(self) -> str:
        return self._epoch

    @property
    def connected(self) -> bool:
        """Whether the bridge is there at this moment."""
        return self._courier.connected

    @property
    def paused(self) -> bool:
        """Whether the operator has paused the stream: what is sent waits here, so better scan nothing."""
        return self._outbox.held_up == PAUSED

    @property
    def taken(self) -> bool:
        """Whether another program sends this stream at this moment: what is sent waits here until it ends."""
        return self._outbox.held_up == TAKEN

    @property
    def counters(self) -> dict[str, int]:
        """sent, resent, acknowledged, duplicate, missing, busy, timed-out, lost-connection, refused:<code>,
        dropped:<reason>, stray; of scans: rows-sent, by-rows, fell-back:<reason>, cancelled; and 'waiting',
        what is not settled yet."""
        with self._room:
            return {**self._outbox.counts, "waiting": len(self._outbox)}

    def send(self, image: Any, **meta: Any) -> Receipt:
        """Queue an image and return at once.

        image: (rows, columns). meta: fields of ``FrameHeader``, such as pixel_size_nm, dwell_us, detector.
        Raises BadFrame for an image or a field that the bridge would refuse; never waits for the network
        (with when_full='wait': at most `wait_s`).
        """
        meta.setdefault("monotonic_ns", time.monotonic_ns())
        pixels, shape, dtype = wire_bytes(image)
        with self._room:
            self._refuse_when_closed()
            header = header_for(self.stream, self._epoch, self._sequence, shape, dtype, meta)
            self._sequence += 1
            return self._put(header, pixels)

    def begin(self, shape: tuple[int, int], dtype: Any, **meta: Any) -> Scan:
        """A frame is being scanned: hand its rows to the ``Scan`` as they come, and return at once each time.

        shape: (rows, columns). dtype: of every row. meta: as for ``send``; fields known only later may be
        given to ``Scan.end``. However the rows fare on their way, the frame arrives as if sent whole: an
        older bridge, a lost connection or a refused block only make it come later. An earlier scan that was
        not ended is given up. Raises BadFrame for a shape, dtype or field that the bridge would refuse.
        """
        size, name = planned(shape, dtype)
        with self._room:
            self._refuse_when_closed()
            self._cancel_open_scan()
            begin = header_for(self.stream, self._epoch, self._sequence, size, name, meta, RowsBegin)
            self._sequence += 1
            self._scan = Scan(begin, meta, Handover(self._slip, self._end_scan, self._give_up))
            self._slip(Slip(begin))
            return self._scan

    def _slip(self, slip: Slip) -> None:
        with self._room:
            self._outbox.lane.put(slip)
        self._courier.wake()

    def _end_scan(self, header: FrameHeader, pixels: memoryview) -> Receipt:
        with self._room:
            self._refuse_when_closed()
            self._scan = None
            return self._put(header, pixels, by_rows=True)

    def _give_up(self, begin: RowsBegin) -> None:
        """Nothing of it was queued, so its number may be used again while it is the newest."""
        with self._room:
            self._outbox.counts["cancelled"] += 1
            self._outbox.lane.forget((begin.epoch, begin.sequence))
            if (begin.epoch, begin.sequence + 1) == (self._epoch, self._sequence):
                self._sequence -= 1

    def _cancel_open_scan(self) -> None:
        if self._scan is not None:
            self._scan.cancel()
            self._scan = None

    def _put(self, header: FrameHeader, pixels: bytes | memoryview, by_rows: bool = False) -> Receipt:
        """Queue a frame; the caller holds `room`."""
        letter = Letter(Receipt(self.stream, header.epoch, header.sequence), header, pixels, by_rows)
        if self._when_full == "wait":
            self._room.wait_for(lambda: self._closed or not self._outbox.is_full(len(pixels)), self._wait_s)
        self._outbox.put(letter, self._when_full)
        self._courier.wake()
        return letter.receipt

    def end(self) -> Receipt:
        """Say that the series is over; the next frame begins a new epoch.

        The gap of the receipt's acknowledgement counts the frames that never came.
        """
        with self._room:
            self._refuse_when_closed()
            self._cancel_open_scan()
            receipt = Receipt(self.stream, self._epoch, self._sequence)
            document = StreamEnd(stream=self.stream, epoch=self._epoch, frames=self._sequence)
            self._outbox.put(Letter(receipt, document))
            self._epoch, self._sequence = self._new_epoch(), 0
        self._courier.wake()
        return receipt

    def flush(self, timeout_s: float) -> bool:
        """Wait until nothing is unsettled; False when `timeout_s` passed first."""
        with self._room:
            return self._room.wait_for(lambda: len(self._outbox) == 0, timeout_s)

    def close(self, drain_s: float = 5.0) -> None:
        """Give what is queued `drain_s` to be acknowledged, drop the rest, and end the thread."""
        with self._room:
            if self._closed:
                return
            self._closed = True
            self._room.notify_all()
        if not self.flush(drain_s):
            log.warning("closing with %d frames not acknowledged by %s", len(self._outbox), self.url)
        self._courier.stop()
        with self._room:
            self._outbox.abandon("closed")
            self._room.notify_all()

    def __enter__(self) -> FrameSender:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(drain_s=5.0 if kind is None else 0.0)

    def _refuse_when_closed(self) -> None:
        if self._closed:
            raise Busy("sender-closed", hint="This sender was closed; make a new one.", retry=False)
