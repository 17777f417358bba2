"""Who may talk to us: the Host must be one of our names, and scripts of another site may not ask anything.

Without it any web page an operator opens could point its own name at 127.0.0.1 (DNS rebinding) or POST to
us from another tab. Programs send no Origin and are not concerned; a link that leads here from elsewhere
sends none either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from paretoscope.api.problems import problem_response

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?", re.IGNORECASE | re.ASCII)
"""A name or address and perhaps a port: nothing before an '@', no spaces, no path."""


def host_name(authority: str) -> str:
    """'localhost:8000' -> 'localhost', '[::1]:8000' -> '::1'; '' where it is no such thing."""
    found = _AUTHORITY.fullmatch(authority)
    return found[1].strip("[]").lower() if found else ""


class Doorkeeper:
    def __init__(self, app: ASGIApp, hosts: Iterable[str], origins: Iterable[str] = ()) -> None:
        self.app = app
        self.hosts = frozenset(name.lower() for name in hosts)
        self.origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host_name(host) not in self.hosts:
            refusal = problem_response(
                421,
                "wrong-host",
                f"This service is not called {host_name(host) or host!r}; address it as one of "
                f"{', '.join(sorted(self.hosts))}, or add the name to the allowed hosts.",
            )
            await refusal(scope, receive, send)
            return
        if not self._own(headers, host, scope["method"] in SAFE_METHODS):
            refusal = problem_response(
                403,
                "foreign-origin",
                "A page of another site may ask for nothing here. Use this service's own page, or a "
                "program that sends no Origin.",
            )
            await refusal(scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _own(self, headers: Headers, host: str, safe: bool) -> bool:
        origin = headers.get("origin")
        if origin is None:
            return safe or headers.get("sec-fetch-site", "none") in ("none", "same-origin")
        told = origin.lower().rstrip("/")
        scheme, _, authority = told.partition("://")
        return (scheme in ("http", "https") and authority == host.lower()) or told in self.origins
