"""Who changed what: GET /v1/audit."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from paretoscope.api.context import Ctx
from paretoscope.api.routes.events import EVENT_ID
from paretoscope.contract.views import Audit, AuditView

router = APIRouter(tags=["audit"])


@router.get("/audit", summary="Changes with who and when, newest first")
def get_audit(
    context: Ctx,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[
        str | None, Query(pattern=EVENT_ID, description="Only older ones than this id.")
    ] = None,
) -> Audit:
    """Choices, policies, names and controls that were asked for over HTTP and answered with success, and
    keys that were made and revoked."""
    found = context.store.audit(limit, before)
    return Audit(entries=[AuditView(entry_id=entry_id, **dict(entry)) for entry_id, entry in found])
