"""Answers that are refusals, and connections that break, as errors of our own tree."""

from __future__ import annotations

import json
from dataclasses import dataclass

import httpx

from paretoscope.errors import (
    BadInput,
    Busy,
    Incompatible,
    KeyNeeded,
    NotAllowed,
    NotFound,
    ParetoscopeError,
    ServiceDown,
    StoreDown,
    TooLarge,
    TooMany,
)

_BY_STATUS: dict[int, type[ParetoscopeError]] = {
    400: Incompatible,
    401: KeyNeeded,
    403: NotAllowed,
    404: NotFound,
    413: TooLarge,
    415: BadInput,
    422: BadInput,
    429: TooMany,
    503: Busy,
}
_BY_CODE: dict[str, type[ParetoscopeError]] = {"store-down": StoreDown, "store-refused": StoreDown}


@dataclass(frozen=True)
class Reply:
    status: int
    content: bytes
    content_type: str = ""


def refusal(reply: Reply, url: str) -> ParetoscopeError:
    """The error that a refusing answer stands for, with the service's own code and hint."""
    try:
        told = json.loads(reply.content)
        code, hint = str(told["code"]), str(told["hint"])
    except (ValueError, KeyError, TypeError):
        return ParetoscopeError(
            "bad-answer",
            hint=f"{url} answered {reply.status} and no problem details; is it a Paretoscope service?",
        )
    kind = _BY_CODE.get(code) or _BY_STATUS.get(reply.status, ParetoscopeError)
    return kind(code, hint=hint, retry=bool(told.get("retry", False)))


def broken(error: httpx.HTTPError | httpx.InvalidURL, url: str) -> ParetoscopeError:
    if isinstance(error, httpx.TimeoutException):
        return ServiceDown("timed-out", hint=f"{url} did not answer in time ({type(error).__name__}).")
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol):
        return BadInput("bad-address", hint=f"{url!r} is not an address like http://127.0.0.1:8000.")
    return ServiceDown(
        hint=f"{url} cannot be reached ({error or type(error).__name__}); is `paretoscope serve` running?"
    )
