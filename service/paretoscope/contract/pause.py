"""A stream that takes no frames for a while, because somebody said so."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from paretoscope.contract.base import Document


class Pause(Document):
    by: Annotated[str, Field(max_length=128)] = "operator"
    """Who paused it, for the record."""
    reason: Annotated[str, Field(max_length=256)] | None = None
    at: str
    """UTC."""

    @property
    def told(self) -> str:
        """'Paused by Ada: realigning the stage'."""
        return f"Paused by {self.by}" + (f": {self.reason}" if self.reason else "")
