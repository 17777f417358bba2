"""Scans that still run: their rows so far, for whoever wants to see or work them before the frame is whole.

A stream shows one run at a time. Everything here expires by itself, and losing it costs nothing but time: the
frame itself comes through ``Frames.put_frame``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from paretoscope.adapters.store import keys
from paretoscope.adapters.store import scan_scripts as scripts
from paretoscope.adapters.store.history import History
from paretoscope.adapters.store.link import LONGEST_BLOCK_S, translated
from paretoscope.adapters.store.packing import as_buffer
from paretoscope.contract import RowsBegin
from paretoscope.contract.codec import pack, unpack

SHOWN_S = 300
"""How long a run is shown after its last rows, s."""
NEWS = 256
"""Entries of the log that wakes listeners."""


@dataclass(frozen=True)
class ScanRows:
    """Rows of a running scan that had not been seen."""

    begin: RowsBegin
    run: str
    """Differs each time a scan begins, also under the same frame id."""
    first_row: int
    rows: np.ndarray
    """(n, columns) of the header's dtype, read-only; n may be 0."""

    @property
    def last_row(self) -> int:
        return self.first_row + len(self.rows)


class RunningScans(History):
    @translated
    def scan_begun(self, begin: RowsBegin) -> str:
        """Show that a frame of the stream is being scanned, and no longer what went before; names the run."""
        args = [begin.stream, pack(begin), SHOWN_S, NEWS]
        return cast(bytes, self._run(scripts.SCAN_BEGUN, [], args)).decode()

    @translated
    def scan_rows(
        self,
        stream: str,
        run: str,
        first_row: int,
        held: int,
        pixels: bytes | bytearray | memoryview | np.ndarray,
    ) -> bool:
        """Show rows `first_row` to `held` - 1; False when they do not follow what is shown of that run."""
        args = [stream, run, first_row, held, as_buffer(pixels), SHOWN_S, NEWS]
        return bool(self._run(scripts.SCAN_ROWS, [], args))

    @translated
    def scan_over(self, stream: str) -> None:
        """Show nothing of this stream any more."""
        self._redis.delete(keys.scan(stream), keys.scan_pixels(stream))

    @translated
    def scan_news(self, after_id: str | None = None, block_s: float = 0.0) -> tuple[str, list[str]]:
        """(id, streams): in which streams rows came after `after_id` (None: from now on), each once.

        Waits up to `block_s` for the first of them; the id is where to go on.
        """
        newest = [] if after_id else cast(list[Any], self._redis.xrevrange(keys.SCANS, count=1))
        after = after_id or (newest[0][0].decode() if newest else "0")
        block_ms = int(min(block_s, LONGEST_BLOCK_S) * 1000)
        answer = self._blocking.xread({keys.SCANS: after}, count=NEWS, block=block_ms or None)
        entries = [entry for _, found in cast(list[Any], answer or []) for entry in found]
        if not entries:
            return after, []
        return entries[-1][0].decode(), list(dict.fromkeys(fields[b"s"].decode() for _, fields in entries))

    @translated
    def scan_since(self, stream: str, run: str | None = None, row: int = 0) -> ScanRows | None:
        """Rows of the running scan from `row` on while it is that `run`, else all rows of the one that runs
        now; None where none does."""
        held = self._run(scripts.SCAN_SINCE, [], [stream, run or "", row])
        if not held:
            return None
        header, now, first_row, rows, pixels = held
        begin = unpack(header, RowsBegin)
        dtype = np.dtype(begin.dtype).newbyteorder("<")
        image = np.frombuffer(pixels, dtype).reshape(int(rows) - int(first_row), begin.shape[1])
        return ScanRows(begin, now.decode(), int(first_row), image)
