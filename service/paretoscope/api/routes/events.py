"""What happens, as it happens: server-sent events."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterable, AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import NAME
from paretoscope.errors import Busy, ParetoscopeError

router = APIRouter(tags=["events"])
log = logging.getLogger(__name__)

RETRY_MS = 1000
EVENT_ID = r"^(0|[0-9]{1,19}-[0-9]{1,19})$"


async def _listener(context: Ctx) -> AsyncIterator[None]:
    """One of the limited places at the event stream, for as long as it is open."""
    if context.listeners >= context.settings.max_listeners:
        raise Busy(hint=f"{context.listeners} listeners are connected; close one, or poll /latest?wait=.")
    context.listeners += 1
    try:
        yield
    finally:
        context.listeners -= 1


@router.get(
    "/events",
    response_class=EventSourceResponse,
    dependencies=[Depends(_listener)],
    summary="Frames, results, choices, faults, ... as they happen",
)
async def get_events(
    context: Ctx,
    stream: Annotated[str | None, Query(pattern=NAME, description="Only this stream's events.")] = None,
    after: Annotated[
        str | None,
        Query(pattern=EVENT_ID, description="Last-Event-ID for a first connection; 0 = all."),
    ] = None,
    last_event_id: Annotated[str | None, Header(pattern=EVENT_ID)] = None,
) -> AsyncIterable[ServerSentEvent]:
    """Each event's name is its kind; its data is an `Event` in JSON. A listener that comes back with
    Last-Event-ID (browsers do it by themselves) gets what it missed, as far as it is kept. A comment
    comes every 15 s while nothing happens."""
    yield ServerSentEvent(comment="listening", retry=RETRY_MS)
    try:
        async for event_id, event in context.tail.follow(last_event_id or after):
            if stream is None or event.stream is None or event.stream == stream:
                yield ServerSentEvent(id=event_id, event=event.kind, raw_data=event.model_dump_json())
    except ParetoscopeError as error:  # headers are out: end the stream, and the listener comes back
        log.warning("event stream ended: %s", error)
