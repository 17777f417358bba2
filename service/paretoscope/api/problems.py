"""Every refusal as RFC 9457 problem details with `code` and `hint`.

    {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "...",
     "code": "bad-frame", "hint": "...", "retry": false, "instance": "/v1/frames", "request_id": "..."}

`detail` and `hint` are the same sentence for errors of our own tree; `code` is meant for programs.
"""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from paretoscope.errors import ParetoscopeError

log = logging.getLogger(__name__)

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = "1"

_HTTP_HINTS = {
    404: ("no-such-route", "There is nothing at this address; GET /docs lists every route."),
    405: ("method-not-allowed", "This address takes other methods; see the Allow header and /docs."),
    413: ("too-large", "The body is larger than this route takes; see the limits in /docs."),
}


class Problem(BaseModel):
    """What went wrong, for people (`hint`) and programs (`code`)."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str
    """Stable; to be matched by programs."""
    hint: str
    """What to do about it."""
    retry: bool = False
    """True where the same request may succeed a little later."""
    instance: str | None = None
    request_id: str | None = None
    errors: list[dict[str, Any]] = Field(default_factory=list)
    """Where a body or a parameter does not fit: location and message of each place."""


def problem_response(
    status: int,
    code: str,
    hint: str,
    *,
    retry: bool = False,
    instance: str | None = None,
    errors: list[dict[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> JSONResponse:
    body = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=hint,
        code=code,
        hint=hint,
        retry=retry,
        instance=instance,
        request_id=correlation_id.get(),
        errors=errors or [],
    )
    headers = dict(headers or {})
    if retry:
        headers.setdefault("Retry-After", RETRY_AFTER_S)
    content = body.model_dump(exclude_none=True, exclude={"errors"} if not body.errors else None)
    return JSONResponse(content, status_code=status, headers=headers, media_type=PROBLEM_JSON)


def _from_tree(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ParetoscopeError)
    return problem_response(
        error.status, error.code, error.hint, retry=error.retry, instance=request.url.path
    )


def _from_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code, hint = _HTTP_HINTS.get(error.status_code, ("http-error", str(error.detail)))
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(_methods(request, headers.get("Allow", "")))
    return problem_response(error.status_code, code, hint, instance=request.url.path, headers=headers)


def _methods(request: Request, first: str) -> list[str]:
    """Every method that the address takes. first: those of the first route that fits, as the router tells."""
    found = {method.strip() for method in first.split(",") if method.strip()}
    for template, operations in request.app.openapi()["paths"].items():
        if compile_path(template)[0].match(request.url.path):
            found |= {method.upper() for method in operations}
    return sorted(found)


def _from_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    places = [{"where": _where(one), "message": _message(request, one)} for one in error.errors()]
    first = places[0] if places else {"where": "request", "message": "does not fit"}
    return problem_response(
        422,
        "bad-request",
        f"{first['where']}: {first['message']}.",
        instance=request.url.path,
        errors=places,
    )


def _where(one: dict[str, Any]) -> str:
    loc = one["loc"][:1] if one["type"] == "json_invalid" else one["loc"]
    return ".".join(str(part) for part in loc)


def _message(request: Request, one: dict[str, Any]) -> str:
    """What pydantic says, in words for whoever sent the request."""
    if one["type"] == "json_invalid":
        return (
            f"not JSON ({one.get('ctx', {}).get('error', 'it cannot be read')}, character {one['loc'][-1]})"
        )
    if one["loc"] == ("body",) and "json" not in request.headers.get("content-type", ""):
        return "send a JSON object, with the header Content-Type: application/json"
    if one["type"] == "extra_forbidden":
        return "there is no such field; GET /docs lists them"
    return str(one["msg"]).removeprefix("Value error, ")


def _unforeseen(request: Request, error: Exception) -> JSONResponse:
    log.error("unforeseen error at %s %s", request.method, request.url.path, exc_info=error)
    return problem_response(
        500,
        "internal",
        "Something we did not foresee; the service's log has it under this request_id. Other requests go on.",
        instance=request.url.path,
    )


def install(app: FastAPI) -> None:
    app.add_exception_handler(ParetoscopeError, _from_tree)
    app.add_exception_handler(HTTPException, _from_http)
    app.add_exception_handler(RequestValidationError, _from_validation)
    app.add_exception_handler(Exception, _unforeseen)
