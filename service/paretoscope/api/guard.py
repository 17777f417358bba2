"""Who may do what: every request passes here before its body is read.

open route ──────────────────────────────> on
no key in use (loopback) ────────────────> on, as 'local'
Authorization: Bearer, else the page's cookie
    too many wrong ones ────────> 429, right or wrong, for as long as the pace says
    unknown, revoked, missing ──> 401, counted; a page is led to /login
    key without the scope ──────> 403
    more than its pace ─────────> 429
    else ───────────────────────> on, under the key's name; cut off in mid-answer once it is revoked
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie

from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Request

from paretoscope.adapters.api_keys import ApiKey, KeyRing, holds
from paretoscope.api import caller, scopes
from paretoscope.api.caller import Caller
from paretoscope.api.metrics import Metrics
from paretoscope.api.pace import Pace
from paretoscope.api.problems import problem_response

log = logging.getLogger(__name__)

WRONG_PER_S, WRONG_BURST = 0.5, 20.0
"""Wrong keys one peer may try, and wrong secrets for one key; the burst unless it is set otherwise."""


def cookie_name(request: Request) -> str:
    """Browsers share cookies between the ports of a host, so the port is in the name."""
    server = request.get("server")
    return f"paretoscope-{server[1]}" if server and server[1] else "paretoscope"


@dataclass(frozen=True)
class Shown:
    """A key as it was brought, not yet known to be one."""

    secret: str
    page: bool
    """From the page's cookie."""


def _shown(request: Request) -> Shown | None:
    headers = Headers(scope=request)
    given = headers.get("authorization")
    if given is not None:
        kind, _, token = given.partition(" ")
        return Shown(token.strip() if kind.lower() == "bearer" else "", page=False)
    try:
        held = SimpleCookie(headers.get("cookie", "")).get(cookie_name(request))
    except CookieError:
        return None
    return Shown(held.value, page=True) if held else None


class Refused(Exception):
    """The answer under way must not go on."""


class Guard:
    def __init__(self, app: ASGIApp, ring: KeyRing, pace: Pace, wrong: Pace, metrics: Metrics) -> None:
        """pace: of every caller. wrong: of wrong keys."""
        self.app = app
        self._ring = ring
        self._pace = pace
        self._wrong = wrong
        self._metrics = metrics

    async def __call__(self, request: Request, receive: Receive, send: Send) -> None:
        if request["type"] == "lifespan":
            await self.app(request, receive, send)
        elif request["type"] == "http":  # nothing here speaks WebSocket, so nothing of it gets in
            refusal = self._judged(request)
            if refusal is not None:
                await refusal(request, receive, send)
            else:
                await self._let_in(request, receive, send)

    def _judged(self, request: Request) -> Response | None:
        """None when it may go on (the caller is then noted in the request), else the refusal."""
        method, path, peer = request["method"], request["path"], caller.peer(request)
        if scopes.is_open(method, path):
            known = Caller("nobody", None, None, peer)
        elif not self._ring.on:
            known = Caller("local", "admin", None, peer)
        else:
            shown = _shown(request)
            door = peer if shown is None else self._door(shown, peer)
            if shown is not None and self._wrong.left(door) < 1.0:
                return self._refuse(429, "too-many-wrong-keys", "Too many wrong keys came from you.", 2.0)
            key = self._owner(shown)
            if key is None:
                return self._unknown(request, peer, None if shown is None else door)
            known = Caller(key.name, key.scope, key, peer)
            asked = scopes.needed(method, path)
            if not holds(key.scope, asked):
                log.warning("%s (%s) may not %s %s", key.name, peer, method, path)
                return self._refuse(
                    403,
                    "missing-scope",
                    f"This needs a key with the scope {asked!r}; {key.name!r} holds {key.scope!r}.",
                )
        wait_s = self._pace.take(known.key.key_id if known.key else peer)
        if wait_s > 0.0:
            return self._refuse(429, "too-many-requests", "You ask too often; use ?wait= or events.", wait_s)
        caller.put(request, known)
        return None

    def _owner(self, shown: Shown | None) -> ApiKey | None:
        if shown is None:
            return None
        return self._ring.page_owner(shown.secret) if shown.page else self._ring.owner(shown.secret)

    def _door(self, shown: Shown, peer: str) -> str:
        """Whose bucket of wrong keys. Guesses at one key are counted by themselves: strangers who share its
        owner's address (a proxy's) and do not even know its id cannot shut its owner out."""
        key_id = self._ring.claimed(shown.secret, page=shown.page)
        return f"{peer} {key_id}" if key_id else peer

    def _unknown(self, request: Request, peer: str, door: str | None) -> Response:
        """door: None where none was shown; who brought none is not trying one."""
        headers = Headers(scope=request)
        if door is not None:
            self._wrong.take(door)
            log.warning("a wrong key came from %s for %s", peer, request["path"])
        if request["method"] == "GET" and "text/html" in headers.get("accept", ""):
            self._metrics.refused.labels("key-needed").inc()
            answer = RedirectResponse("/login", 303, headers={"Cache-Control": "no-store"})
        else:
            answer = self._refuse(
                401,
                "key-needed",
                "Send `Authorization: Bearer KEY` with a key of `paretoscope keys make`; pages: /login.",
            )
        if door is not None and "authorization" not in headers:
            # A page asks many times a second: showing a revoked key each time it would shut its owner out.
            answer.delete_cookie(cookie_name(request), httponly=True, samesite="strict")
        return answer

    def _refuse(self, status: int, code: str, hint: str, wait_s: float = 0.0) -> Response:
        self._metrics.refused.labels(code).inc()
        headers = {"WWW-Authenticate": 'Bearer realm="paretoscope"'} if status == 401 else {}
        if wait_s > 0.0:
            headers["Retry-After"] = str(math.ceil(wait_s))
        return problem_response(status, code, hint, retry=wait_s > 0.0, headers=headers)

    async def _let_in(self, request: Request, receive: Receive, send: Send) -> None:
        key = caller.of(request).key

        async def watched(message: Message) -> None:
            if key is not None and not self._ring.still(key):
                raise Refused
            await send(message)

        try:
            await self.app(request, receive, watched if key is not None else send)
        except* Refused:  # streamed answers raise it in a group
            log.warning("%s was revoked: its answer ends here", key.name if key else "")
