"""Who changed what, and when."""

from __future__ import annotations

from paretoscope.contract.base import Document


class AuditEntry(Document):
    """One change that was asked for over HTTP and made."""

    at: str
    """UTC."""
    who: str
    """The key's name; 'local' where no key was needed."""
    key_id: str | None = None
    """Which key of that name."""
    peer: str = ""
    """Network address it came from."""
    method: str
    path: str
    """The address that was asked, which names the stream, frame or class."""
    asked: str = ""
    """The body, as far as it is text; cut at 2048 bytes."""
    status: int
    """What was answered; 202 where the work goes on."""
    request_id: str | None = None
    """Finds the request in the log."""
