"""What every route has at hand."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request

from paretoscope.adapters.store import Store
from paretoscope.api.metrics import Metrics
from paretoscope.api.pictures import PictureCache
from paretoscope.api.settings import ApiSettings
from paretoscope.api.tail import EventTail
from paretoscope.api.uploads import Uploads


@dataclass
class Context:
    store: Store
    settings: ApiSettings
    tail: EventTail
    metrics: Metrics
    pictures: PictureCache
    uploads: Uploads
    listeners: int = field(default=0)
    """Open event streams."""


def _context(request: Request) -> Context:
    return request.app.state.context


Ctx = Annotated[Context, Depends(_context)]
