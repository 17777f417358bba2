"""The part of the store that the bridge needs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from paretoscope.contract import Event, FrameHeader


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

    def state(self, frame_id: str) -> Any:
        """Raises NotFound for a frame it does not have, StoreDown."""
        ...

    def append_event(self, event: Event) -> str: ...

    def count(self, name: str, by: int = 1) -> int: ...
