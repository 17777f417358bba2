"""Which scope each route asks for.

    read     everything that is looked at                     (every GET that is not listed below)
    choose   an operator's or a loop's daily work             (listed below)
    admin    what changes how the service works for everyone  (listed below, and whatever is not listed)

A route that changes something and that nobody listed needs admin: forgetting is safe. The published
description tells each route's scope, and a test asks that none got its own by being forgotten.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.routing import compile_path

from paretoscope.adapters.api_keys import Scope

OPEN = {("GET", "/healthz"), ("GET", "/login"), ("POST", "/login"), ("POST", "/logout")}
"""What needs no key: a sign of life that tells nothing else, and the way in and out."""

LISTED: dict[tuple[str, str], Scope] = {
    ("POST", "/v1/frames"): "choose",
    ("POST", "/v1/frames/{frame_id}/choice"): "choose",
    ("PUT", "/v1/streams/{stream}/classes/{class_id}"): "choose",
    ("POST", "/v1/streams/{stream}/pause"): "choose",
    ("POST", "/v1/streams/{stream}/resume"): "choose",
    ("PUT", "/v1/streams/{stream}/policy"): "admin",
    ("PUT", "/v1/instruments/{name}"): "admin",
    ("GET", "/v1/audit"): "admin",
    ("POST", "/v1/dead-letters/{frame_id}/retry"): "admin",
    ("DELETE", "/v1/dead-letters/{frame_id}"): "admin",
}

SAFE = {"GET", "HEAD", "OPTIONS"}

_PATTERNS: list[tuple[str, re.Pattern[str], Scope]] = [
    (method, compile_path(template)[0], scope) for (method, template), scope in LISTED.items()
]


def is_open(method: str, path: str) -> bool:
    return ("GET" if method == "HEAD" else method, path) in OPEN


def needed(method: str, path: str) -> Scope:
    """The scope for a request (or for a route, by its template)."""
    asked = "GET" if method == "HEAD" else method
    for listed, pattern, scope in _PATTERNS:
        if listed == asked and pattern.match(path):
            return scope
    return "read" if method in SAFE else "admin"


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Add to an OpenAPI document what each of its routes asks for."""
    document.setdefault("components", {})["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "An API key (`paretoscope keys make`). On loopback without keys none is needed.",
        }
    }
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if not is_open(method.upper(), path):
                operation["security"] = [{"key": []}]
                operation["x-scope"] = needed(method.upper(), path)
    return document
