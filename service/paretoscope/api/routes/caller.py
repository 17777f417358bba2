"""Who asks: so that a page can tell beforehand what its key does not open."""

from __future__ import annotations

from fastapi import APIRouter, Request

from paretoscope.adapters.api_keys import Scope, holds
from paretoscope.api import caller, scopes
from paretoscope.contract.views import CallerView

router = APIRouter(tags=["health"])


@router.get("/caller", summary="Who asks, and which routes that key does not open")
async def get_caller(request: Request) -> CallerView:
    known = caller.of(request.scope)
    held = known.scope or "admin"
    refused: dict[str, Scope] = {
        f"{method} {template}": scope
        for (method, template), scope in scopes.LISTED.items()
        if not holds(held, scope)
    }
    return CallerView(name=known.name, scope=held, keyed=known.key is not None, refused=refused)
