"""Rows of running scans, worked while the worker has nothing else to do.

    store    scan 7: rows 0-31 | 32-63 | ...            frame 7 is stored
    feed            grow    add    add    add  ...          |
    frames                                              claim 7 ──> what has grown, if it is frame 7's

What has grown counts for a claimed frame only if every row in it is that frame's row, pixel by pixel: neither
another stream, a restarted scan nor a lost block can get in. Losing it costs time alone.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, field

import numpy as np
import structlog

from paretoscope.adapters.store import Claim, Store
from paretoscope.contract import RowsBegin
from paretoscope.errors import ParetoscopeError
from paretoscope.worker.pulse import Pulse
from paretoscope.worker.workflow import Grown, Workflow

log = structlog.get_logger(__name__)

MAX_FOLLOWED = 4
"""Frames of which something has grown; the oldest is left first."""
MAX_FOLLOWED_PX = 64 * 1024 * 1024
"""What their frames may come to, pixels: each takes the frame twice, as it came and as float32."""
BLOCK_S, BUSY_S, PAUSE_S = 0.5, 0.01, 1.0
"""Waiting for news; for the worker to be free; for the store to be back."""


@dataclass
class _Followed:
    begin: RowsBegin
    run: str
    grown: Grown | None
    """None where nothing is to be gained: it is known and left alone."""
    pieces: list[np.ndarray] = field(default_factory=list)
    """The rows in it, as they came."""
    row: int = 0

    def leave(self) -> tuple[Grown | None, list[np.ndarray]]:
        """Have no more to do with it; gives out what there was."""
        grown, pieces = self.grown, self.pieces
        self.grown, self.pieces = None, []
        return grown, pieces


class RowFeed:
    """`run` in a thread of its own; `take` from the thread that works frames."""

    def __init__(self, store: Store, workflow: Workflow, pulse: Pulse, stop: threading.Event) -> None:
        self._store = store
        self._workflow = workflow
        self._pulse = pulse
        self._stop = stop
        self._lock = threading.Lock()
        self._followed: OrderedDict[str, _Followed] = OrderedDict()
        self._counts: Counter[str] = Counter()

    def run(self) -> None:
        """Until told to stop."""
        after: str | None = None
        news: dict[str, None] = {}
        while not self._stop.is_set():
            try:
                after, streams = self._store.scan_news(after, 0.0 if news else BLOCK_S)
                news |= dict.fromkeys(streams)
                if news and not self._pulse.idle:
                    self._stop.wait(BUSY_S)
                    continue
                for stream in list(news):
                    del news[stream]
                    self.follow(stream)
                self._tell()
            except ParetoscopeError as error:
                log.debug("running scans are not followed", code=error.code)
                self._stop.wait(PAUSE_S)

    def follow(self, stream: str) -> None:
        """Work the rows of this stream's running scan that have not been worked yet."""
        with self._lock:
            newest = [one for one in self._followed.values() if one.begin.stream == stream][-1:]
        known = newest[0] if newest else None
        seen = self._store.scan_since(stream, known and known.run, known.row if known else 0)
        if seen is None:
            return
        if known is None or seen.run != known.run:
            known = _Followed(seen.begin, seen.run, self._grow(seen.begin))
            self._keep(known)
        with self._lock:
            if known.grown is None or not len(seen.rows):
                return
            try:
                known.grown.add(seen.first_row, seen.rows)
            except Exception as error:
                # Only a head start is lost; what is wrong with the pixels, the frame itself will say.
                log.warning("a running scan is not worked", frame_id=known.begin.frame_id, error=repr(error))
                self._counts["rows:missed:failed"] += 1
                known.leave()
                return
            known.pieces.append(seen.rows)
            known.row = seen.last_row

    def take(self, claim: Claim) -> Grown | None:
        """What has grown of this very frame; None where nothing has."""
        with self._lock:
            known = self._followed.get(claim.frame_id)
            if known is None or known.grown is None or not known.pieces:
                return None
            grown, pieces = known.leave()  # still known, or the rows that are shown would be worked again
            same = (known.begin.shape, known.begin.dtype) == (claim.header.shape, claim.header.dtype)
            if not same or not _are_of(pieces, claim.pixels):
                self._counts["rows:missed:other-pixels"] += 1
                return None
            self._counts["rows:used"] += 1
            return grown

    def _grow(self, begin: RowsBegin) -> Grown | None:
        if begin.shape[0] * begin.shape[1] > MAX_FOLLOWED_PX:
            return None
        policy, memory = self._store.policy(begin.stream), self._store.memory(begin.stream)
        return self._workflow.grow(begin, policy, memory)

    def _keep(self, known: _Followed) -> None:
        with self._lock:
            before = self._followed.pop(known.begin.frame_id, None)
            self._counts["rows:missed:begun-anew"] += before is not None and before.grown is not None
            self._followed[known.begin.frame_id] = known
            while len(self._followed) > MAX_FOLLOWED or self._pixels() > MAX_FOLLOWED_PX:
                _, left = self._followed.popitem(last=False)
                self._counts["rows:missed:not-claimed"] += left.grown is not None

    def _pixels(self) -> int:
        held = [one.begin.shape for one in self._followed.values() if one.grown is not None]
        return sum(rows * columns for rows, columns in held)

    def _tell(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for name, count in (+counts).items():
            self._store.count(name, count)


def _are_of(pieces: list[np.ndarray], pixels: np.ndarray) -> bool:
    """Whether these rows, one piece below the other, are the first ones of `pixels`."""
    row = 0
    for piece in pieces:
        if not np.array_equal(pixels[row : row + len(piece)], piece):
            return False
        row += len(piece)
    return True
