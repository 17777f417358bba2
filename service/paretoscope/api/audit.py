"""Who changed what: one line in the log for each choice, policy, pause and start, with the request's id."""

from __future__ import annotations

from typing import Any

import structlog
from asgi_correlation_id import correlation_id

log = structlog.get_logger("paretoscope.audit")


def audit(action: str, by: str, **details: Any) -> None:
    """action: what was done, as 'pause'; by: who says to have done it; details: on what."""
    log.info("audit", action=action, by=by, request_id=correlation_id.get(), **details)
