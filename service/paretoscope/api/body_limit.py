"""Bodies beyond their route's limit are refused before they are read, slow ones while; as problem details."""

from __future__ import annotations

import asyncio
import time

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paretoscope.api.problems import problem_response
from paretoscope.errors import ParetoscopeError, TooLarge

UPLOADS = ("POST", "/v1/frames")
"""The one route that takes images."""


PATIENCE_S = 10.0
SLOWEST_BYTES_PER_S = 32 * 1024


class TooSlow(ParetoscopeError):
    status = 408
    default_code = "too-slow"
    default_retry = True


class BodyLimit:
    """A declared length is checked at once; a body of undeclared length ends where it passes the limit."""

    def __init__(
        self, app: ASGIApp, uploads_bytes: int, other_bytes: int, patience_s: float = PATIENCE_S
    ) -> None:
        self.app = app
        self._patience_s = patience_s
        self._uploads_bytes = uploads_bytes
        self._other_bytes = other_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        upload = (scope["method"], scope["path"]) == UPLOADS
        limit = self._uploads_bytes if upload else self._other_bytes
        declared = Headers(scope=scope).get("content-length")
        if declared is not None and (
            not declared.isascii() or not declared.isdigit() or int(declared) > limit
        ):
            error = _too_large(limit)
            refusal = problem_response(error.status, error.code, error.hint, instance=scope["path"])
            await refusal(scope, receive, send)
            return
        came, whole, begun_s = 0, False, time.monotonic()

        async def counted() -> Message:
            nonlocal came, whole
            if whole:  # what comes now is the caller's leaving, and may take its time
                return await receive()
            # An allowance that grows with what came: a drip runs out of it, a slow link does not.
            until_s = begun_s + self._patience_s + came / SLOWEST_BYTES_PER_S
            try:
                async with asyncio.timeout(max(0.0, until_s - time.monotonic())):
                    message = await receive()
            except TimeoutError:
                raise TooSlow(
                    hint=f"The body came too slowly: {came} bytes in {time.monotonic() - begun_s:.0f} s."
                ) from None
            came += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if came > limit:
                raise _too_large(limit)
            return message

        await self.app(scope, counted, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        hint=f"This route takes bodies of up to {limit} bytes. Crop or bin the image, or send uint16."
    )
