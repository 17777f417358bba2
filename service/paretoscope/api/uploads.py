"""Images that come over HTTP, numbered like those of any other source."""

from __future__ import annotations

import threading
import uuid
import zlib
from collections import defaultdict
from datetime import UTC, datetime

import numpy as np

from paretoscope.adapters.store import Store, utc_text
from paretoscope.contract import Event, FrameHeader


class Uploads:
    """Gives uploaded images an epoch (one per start of the API) and sequence numbers without gaps."""

    def __init__(self, epoch: str | None = None) -> None:
        self.epoch = epoch or f"http{uuid.uuid4().hex[:12]}"
        self._next: defaultdict[str, int] = defaultdict(int)
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
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
        with self._guard:
            lock = self._locks[stream]
        with lock:  # a number is used up only by a frame that the store has
            header = self._header(stream, self.epoch, self._next[stream], image, told)
            fresh = store.put_frame(header, image)
            self._next[stream] += 1
            return header, fresh

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
