"""Who changed what, and when."""

from __future__ import annotations

from paretoscope.contract.base import Document


class AuditEntry(Document):
    """One change that was asked for and made."""

    at: str
    """UTC."""
    who: str
    """The key's name; 'local' where none was needed; 'os:ada' for who ran `paretoscope keys`."""
    key_id: str | None = None
    """Which key of that name."""
    peer: str = ""
    """Network address it came from."""
    method: str
    """Of the request; MAKE or REVOKE for a key."""
    path: str
    """The address that was asked, which names the stream, frame or class; /keys/NAME for a key."""
    asked: str = ""
    """The body, as far as it is text; cut at 2048 bytes."""
    status: int
    """What was answered; 202 where the work goes on."""
    request_id: str | None = None
    """Finds the request in the log."""
