"""The part of the store that the bridge needs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from paretoscope.contract import Event, FrameHeader, RowsBegin


class FrameStore(Protocol):
    def put_frame(
        self,
        header: FrameHeader,
        pixels: memoryview,
        *,
        received_at: datetime | None = None,
        gap: int | None = None,
    ) -> bool:
        """Durably store and queue a frame; False when it is there already. Raises StoreDown, Busy."""
        ...

    def last_sequence(self, stream: str) -> tuple[str, int] | None:
        """(epoch, sequence) up to which the stream's frames have come. Raises StoreDown."""
        ...

    def scan_begun(self, begin: RowsBegin) -> str:
        """Show that a frame of this stream is being scanned; names the run, so that runs never mix."""
        ...

    def scan_rows(self, stream: str, run: str, first_row: int, held: int, pixels: memoryview) -> bool:
        """Show its next rows; False when they do not follow what is shown."""
        ...

    def scan_over(self, stream: str) -> None:
        """Show nothing any more."""
        ...

    def append_event(self, event: Event) -> str: ...

    def count(self, name: str, by: int = 1, stream: str | None = None) -> int: ...

    def beat_bridge(self, address: str, *, pid: int, contested: Iterable[str] = ()) -> None: ...
