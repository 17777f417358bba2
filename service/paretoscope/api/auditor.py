"""Every change that is asked for over HTTP and made goes to the audit log before it is answered.

One place for all routes, so that a new one is recorded without anybody's thinking of it. Images sent are not
changes: they have their own record, the frame.
"""

from __future__ import annotations

import structlog
from asgi_correlation_id import correlation_id
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paretoscope.adapters.store import Store, utc_now, utc_text
from paretoscope.api import caller, scopes
from paretoscope.api.metrics import Metrics
from paretoscope.contract import AuditEntry
from paretoscope.errors import ParetoscopeError

log = structlog.get_logger(__name__)

KEPT_BYTES = 2048
LEFT_OUT = {("POST", "/v1/frames")}


class Auditor:
    def __init__(self, app: ASGIApp, store: Store, metrics: Metrics) -> None:
        self.app = app
        self._store = store
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _changes(scope["method"], scope["path"]):
            await self.app(scope, receive, send)
            return
        asked = bytearray()

        async def overheard() -> Message:
            message = await receive()
            asked.extend(message.get("body", b"")[: KEPT_BYTES - len(asked)])
            return message

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                await run_in_threadpool(self._write, scope, bytes(asked), message["status"])
            await send(message)

        with structlog.contextvars.bound_contextvars(caller=caller.of(scope).name):  # in every line of it
            await self.app(scope, overheard, noted)

    def _write(self, scope: Scope, asked: bytes, status: int) -> None:
        known = caller.of(scope)
        entry = AuditEntry(
            at=utc_text(utc_now()),
            who=known.name,
            key_id=known.key.key_id if known.key else None,
            peer=known.peer,
            method=scope["method"],
            path=scope["path"][:512],
            asked=asked.decode("utf-8", "replace"),
            status=status,
            request_id=correlation_id.get(),
        )
        try:
            self._store.append_audit(entry)
        except ParetoscopeError as error:
            # The change is made and must be answered; this line is then its only record.
            self._metrics.unaudited.inc()
            log.error("not in the audit log", code=error.code, **entry.model_dump(exclude={"at"}))


def _changes(method: str, path: str) -> bool:
    return method not in scopes.SAFE and not scopes.is_open(method, path) and (method, path) not in LEFT_OUT
