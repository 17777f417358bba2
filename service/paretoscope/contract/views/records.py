"""Who asks, who changed what, and what was given up."""

from __future__ import annotations

from typing import Literal

from paretoscope.contract.views.base import View


class AuditView(View):
    entry_id: str
    at: str
    """UTC."""
    who: str
    """The key's name; 'local' where none was needed; 'os:ada' for who ran `paretoscope keys`."""
    key_id: str | None
    peer: str
    method: str
    path: str
    asked: str
    """The body, as far as it is text; cut at 2048 bytes."""
    status: int
    request_id: str | None


class Audit(View):
    entries: list[AuditView]
    """Newest first; `before` = the last one's entry_id asks for the next page."""


class CallerView(View):
    """Who asks, as the service knows them."""

    name: str
    """The key's name; 'local' where no key is needed."""
    scope: Literal["read", "choose", "admin"]
    keyed: bool
    """False where no key is needed."""
    refused: dict[str, Literal["read", "choose", "admin"]]
    """'METHOD /v1/template' of each route that changes something and that the key does not open -> the scope
    it asks for."""


class DeadLetterView(View):
    """A frame that workers died over."""

    frame_id: str
    stream: str
    at: str
    """UTC, when it was given up."""
    deliveries: int
    """How many workers died or hung over it."""
    code: str
    hint: str
    links: dict[str, str]


class DeadLetters(View):
    letters: list[DeadLetterView]
    """Newest first."""
