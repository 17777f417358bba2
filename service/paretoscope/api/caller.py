"""Who asks: found by the guard, read by whatever comes behind it."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.types import Scope as Request

from paretoscope.adapters.api_keys import ApiKey, Scope

_PLACE = "paretoscope.caller"


@dataclass(frozen=True)
class Caller:
    name: str
    """The key's name; 'local' where no key is needed, 'nobody' on the open routes."""
    scope: Scope | None
    key: ApiKey | None
    peer: str
    """Network address, '' where there is none."""


def put(request: Request, caller: Caller) -> None:
    request[_PLACE] = caller


def of(request: Request) -> Caller:
    return request.get(_PLACE) or Caller("local", "admin", None, peer(request))


def peer(request: Request) -> str:
    client = request.get("client")
    return str(client[0]) if client else ""
