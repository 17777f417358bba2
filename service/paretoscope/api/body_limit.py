"""Bodies beyond their route's limit are refused before they are read, as problem details."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paretoscope.api.problems import problem_response
from paretoscope.errors import TooLarge

UPLOADS = ("POST", "/v1/frames")
"""The one route that takes images."""


class BodyLimit:
    """A declared length is checked at once; a body of undeclared length ends where it passes the limit."""

    def __init__(self, app: ASGIApp, uploads_bytes: int, other_bytes: int) -> None:
        self.app = app
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
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise _too_large(limit)
            return message

        await self.app(scope, counted, send)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        hint=f"This route takes bodies of up to {limit} bytes. Crop or bin the image, or send uint16."
    )
