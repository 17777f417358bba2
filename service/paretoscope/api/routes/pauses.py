"""A stream held and let go: its frames wait at the instrument, none is lost."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body

from paretoscope.api.audit import audit
from paretoscope.api.context import Ctx
from paretoscope.api.routes.parameters import StreamPath
from paretoscope.contract.views import PauseRequest, PauseView

router = APIRouter(tags=["streams"])

Said = Annotated[PauseRequest | None, Body()]


@router.post("/streams/{stream}/pause", summary="Take no frames of this stream until it is resumed")
def post_pause(stream: StreamPath, context: Ctx, said: Said = None) -> PauseView:
    """Also after a restart, and also before its first frame. Senders hear 'busy' with the code `paused` and
    hold: our own clients stop scanning. Frames that are here already are still analysed. A stream that is
    paused stays as it was paused first."""
    said = said or PauseRequest()
    paused = context.store.pause(stream, said.by, said.reason)
    audit("pause", said.by, stream=stream, reason=said.reason)
    return PauseView(stream=stream, paused=paused)


@router.post("/streams/{stream}/resume", summary="Take its frames again")
def post_resume(stream: StreamPath, context: Ctx, said: Said = None) -> PauseView:
    """Harmless where the stream is not paused."""
    said = said or PauseRequest()
    context.store.resume(stream, said.by, said.reason)
    audit("resume", said.by, stream=stream, reason=said.reason)
    return PauseView(stream=stream, paused=None)
