"""The way in for a browser: a form that turns a key into a cookie which scripts cannot read.

Images and event streams cannot carry an Authorization header, a cookie they carry by themselves. It holds a
secret derived from the key, not the key; HttpOnly and SameSite=Strict, and Secure where the page came by
https.
"""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import parse_qs

from fastapi import FastAPI, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from paretoscope.adapters.api_keys import KeyRing, page_secret
from paretoscope.api import caller
from paretoscope.api.guard import WRONG_BURST, WRONG_PER_S, cookie_name
from paretoscope.api.pace import Pace

KEPT_S = 7 * 24 * 3600
"""How long a browser keeps the cookie; revoking the key ends it at once."""
MOST_BYTES = 4096

STYLE = """
:root { color-scheme: light dark; font: 16px system-ui, sans-serif; }
body { display: grid; place-items: center; min-height: 90vh; margin: 0; }
form { display: grid; gap: 0.8rem; width: min(24rem, 90vw); }
input, button { font: inherit; padding: 0.5rem; }
"""
_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with no-referrer browsers send forms as of origin null: a stranger's
}
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Paretoscope: key</title><style>{style}</style></head>
<body><form method="post" action="/login">
<h1>Paretoscope</h1>
<p role="status">{told}</p>
<label for="key">API key</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>Open</button>
</form></body></html>
"""
ASK = "This service asks for a key; whoever runs it makes one with: paretoscope keys make"
WRONG = "That key is not known here, or it was revoked."
SLOWER = "Too many wrong keys came from this address: wait a minute."


def install(app: FastAPI, ring: KeyRing) -> None:
    wrong = Pace(WRONG_PER_S, WRONG_BURST)

    @app.get("/login", include_in_schema=False)
    async def form() -> Response:
        return _page(ASK) if ring.on else _home()

    @app.post("/login", include_in_schema=False)
    async def enter(request: Request) -> Response:
        if not ring.on:
            return _home()
        peer = caller.peer(request.scope)
        if wrong.left(peer) < 1.0:
            return _page(SLOWER, 429)
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return _page(WRONG, 413)
        given = parse_qs(body.decode("latin-1"), max_num_fields=4).get("key", [""])[0].strip()
        key = ring.owner(given)
        if key is None:
            wrong.take(peer)
            return _page(WRONG, 401)
        answer = _home()
        secure = request.url.scheme == "https"
        answer.set_cookie(
            cookie_name(request.scope),
            page_secret(given),
            max_age=KEPT_S,
            httponly=True,
            samesite="strict",
            secure=secure,
        )
        return answer

    @app.post("/logout", include_in_schema=False)
    async def leave(request: Request) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(cookie_name(request.scope), httponly=True, samesite="strict")
        return answer


def _home() -> Response:
    return RedirectResponse("/", 303, headers={"Cache-Control": "no-store"})


def _page(told: str, status: int = 200) -> Response:
    return HTMLResponse(PAGE.format(style=STYLE, told=told), status, headers=HEADERS)
