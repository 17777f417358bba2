"""Waiting for a worker's answer without holding a thread: look, wait for news, look again."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from paretoscope.api.tail import EventTail
from paretoscope.contract import Event

T = TypeVar("T")

LOOK_AGAIN_S = 2.0
"""However quiet the event log is, look at the store again after this."""


async def wait_until(
    look: Callable[[], Awaitable[T | None]], tail: EventTail, wait_s: float, wanted: Callable[[Event], bool]
) -> T | None:
    """The first answer of `look` that is not None: asked now and after wanted events; None after `wait_s`."""
    until = time.monotonic() + wait_s
    while True:
        position = tail.position()
        answer = await look()
        left = until - time.monotonic()
        if answer is not None or left <= 0.0 or tail.closing:
            return answer
        await tail.news(position, min(left, LOOK_AGAIN_S), wanted)
