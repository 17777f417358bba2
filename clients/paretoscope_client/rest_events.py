"""Server-sent events, line by line. No socket here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import ValidationError

from paretoscope.contract import Event

SILENCE_S = 40.0
"""The service sends a comment every 15 s on an event stream; a longer silence is a dead connection."""


class Heard(Event):
    """An event and the id from which listening can be resumed."""

    event_id: str = ""


@dataclass
class EventReader:
    """Lines in, events out; `last_id` is where to resume."""

    last_id: str | None = None
    _data: list[str] = field(default_factory=list)
    _id: str | None = None

    def feed(self, line: str) -> Heard | None:
        """The event that an empty line completes; None for every other line and for kinds we do not know."""
        if line.startswith(":"):
            return None
        if line:
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if name == "data":
                self._data.append(value)
            elif name == "id" and "\0" not in value:
                self._id = value
            return None
        data, self._data = "\n".join(self._data), []
        if self._id is not None:
            self.last_id = self._id
        if not data:
            return None
        try:
            return Heard.model_validate_json(data).model_copy(update={"event_id": self.last_id or ""})
        except ValidationError:
            return None  # a newer service knows kinds of events that we do not

    def request(self, url: str, stream: str | None, timeout_s: float) -> dict[str, Any]:
        """What to ask httpx for, to hear what follows `last_id`."""
        return {
            "method": "GET",
            "url": f"{url}/v1/events",
            "params": {"stream": stream} if stream else {},
            "headers": {"Last-Event-ID": self.last_id} if self.last_id else {},
            "timeout": httpx.Timeout(timeout_s, read=SILENCE_S),
        }

    def broke(self) -> None:
        """The connection ended: what was half read is forgotten."""
        self._data, self._id = [], None
