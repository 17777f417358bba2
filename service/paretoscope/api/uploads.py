"""Images that come over HTTP, numbered like those of any other source."""

from __future__ import annotations

import threading
import uuid
import zlib
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np

from paretoscope.adapters.store import Store, utc_text
from paretoscope.contract import Event, FrameHeader

MOST_STREAMS = 1024


@dataclass
class _Line:
    """One stream's numbers, under an epoch that no other line has."""

    epoch: str = field(default_factory=lambda: f"http{uuid.uuid4().hex[:12]}")
    following: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Uploads:
    """Gives uploaded images sequence numbers without gaps, under an epoch of their stream's own.

    An epoch lasts as long as this process remembers its stream; the one not heard of for longest goes first.
    """

    def __init__(self, most: int = MOST_STREAMS) -> None:
        self._most = most
        self._lines: OrderedDict[str, _Line] = OrderedDict()
        self._guard = threading.Lock()

    def put(
        self,
        store: Store,
        stream: str,
        image: np.ndarray,
        numbered: tuple[str, int] | None = None,
        **told: object,
    ) -> tuple[FrameHeader, bool]:
        """Store the image; (its header, whether it is new).

        numbered: the sender's own (epoch, sequence), by which a repeated upload is known as the same.
        told: further header fields (pixel_size_nm, dwell_us, detector). Raises Busy, StoreDown.
        """
        if numbered is not None:
            header = self._header(stream, *numbered, image, told)
            fresh = store.put_frame(header, image)
            if fresh and (missing := store.gap(header.frame_id)):
                store.append_event(_gap(header, missing))
            return header, fresh
        line = self._line(stream)
        with line.lock:  # a number is used up only by a frame that the store has
            header = self._header(stream, line.epoch, line.following, image, told)
            fresh = store.put_frame(header, image)
            line.following += 1
            return header, fresh

    def _line(self, stream: str) -> _Line:
        with self._guard:
            line = self._lines[stream] = self._lines.pop(stream, None) or _Line()  # now the newest
            while len(self._lines) > self._most:
                self._lines.popitem(last=False)
            return line

    @staticmethod
    def _header(
        stream: str, epoch: str, sequence: int, image: np.ndarray, told: dict[str, object]
    ) -> FrameHeader:
        little = np.ascontiguousarray(image, dtype=image.dtype.newbyteorder("<"))
        fields = {
            "stream": stream,
            "epoch": epoch,
            "sequence": sequence,
            "shape": image.shape,
            "dtype": image.dtype.name,
            "nbytes": image.nbytes,
            "crc32": zlib.crc32(little.tobytes()),
            "acquired_end": utc_text(datetime.now(UTC)),
        }
        return FrameHeader.model_validate(
            fields | {name: value for name, value in told.items() if value is not None}
        )


def _gap(header: FrameHeader, missing: int) -> Event:
    data = {"missing": missing, "epoch": header.epoch, "before": header.sequence}
    return Event(
        kind="gap",
        stream=header.stream,
        frame_id=header.frame_id,
        at=utc_text(datetime.now(UTC)),
        data=data,
    )
