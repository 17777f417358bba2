"""Which refusals each route may give, for the published description: status, body, headers.

    status   comes from                              where
    400      the server, a newer major version       everywhere
    401      the guard                               routes that need a key
    403 429  the doorkeeper, the guard               everywhere
    404      an id or name that is not there         addresses with one
    406 409 415 ...                                  routes that say so: ``responses=may(406)``
    408      the body limit                          routes that take a body
    413 421  the body limit, the doorkeeper          everywhere
    422      what came does not fit                  routes that take parameters or a body
    503      the store                               routes that ask it

Nothing is described as 500: such an answer is a fault of ours wherever it comes.
"""

from __future__ import annotations

from typing import Any

from paretoscope.api import scopes
from paretoscope.api.problems import PROBLEM_JSON, Problem

WHAT: dict[int, str] = {
    400: "This is no request that can be read.",
    401: "A key is needed, and none came that is known.",
    403: "The key has not the scope, or a page of another site asks.",
    404: "There is no such frame, stream, document or address.",
    406: "None of the media types there are is accepted.",
    408: "The body came too slowly.",
    409: "Not in its present state.",
    413: "The body is larger than this route takes.",
    415: "A kind of body that is not read here.",
    421: "The service does not answer to this Host.",
    422: "What came does not fit; `hint` says what, `errors` where.",
    429: "Too many requests, or too many wrong keys: come back after `Retry-After`.",
    503: "Not now: the store does not answer, or something is full. `retry` says whether to ask again.",
}
EVERYWHERE = (400, 403, 413, 421, 429)
WITHOUT_STORE = frozenset({"/healthz", "/version", "/v1/caller", "/v1/formats", "/v1/status", "/metrics"})
"""Answer whatever the store does."""

_TEXT = {"schema": {"type": "string"}}
REQUEST_ID = {"X-Request-ID": _TEXT | {"description": "Finds the request in the log."}}
HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": _TEXT | {"description": "How to bring a key."}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Seconds."}},
    503: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "description": "Where it helps."}},
}


def may(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For a route's ``responses``: refusals beside those that follow from what the route is."""
    return {status: {"description": WHAT[status], "content": {PROBLEM_JSON: {}}} for status in statuses}


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Add to an OpenAPI document what each of its routes may refuse."""
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for of_fastapi in ("HTTPValidationError", "ValidationError"):
        schemas.pop(of_fastapi, None)  # what we send instead is a Problem
    schemas["Problem"] = Problem.model_json_schema()
    components["responses"] = {f"Refused{status}": _refusal(status) for status in WHAT}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            given = operation["responses"]
            given.pop("422", None)
            said = {int(status) for status, told in given.items() if PROBLEM_JSON in told.get("content", {})}
            also = {status for status in _of(path, method, operation) if str(status) not in given}
            given |= {
                str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in said | also
            }
            operation["responses"] = dict(sorted(given.items()))
    return document


def _refusal(status: int) -> dict[str, Any]:
    """One refusal as OpenAPI has it. The server's own answer to what is no HTTP has no request's id."""
    told = {
        "description": WHAT[status],
        "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    headers = HEADERS.get(status, {}) | (REQUEST_ID if status != 400 else {})
    return told | ({"headers": headers} if headers else {})


def _of(path: str, method: str, operation: dict[str, Any]) -> list[int]:
    found = [*EVERYWHERE]
    if not scopes.is_open(method.upper(), path):
        found.append(401)
    if "{" in path:
        found.append(404)
    if "requestBody" in operation:
        found.append(408)
    if operation.get("parameters") or "requestBody" in operation:
        found.append(422)
    if path not in WITHOUT_STORE:
        found.append(503)
    return found
