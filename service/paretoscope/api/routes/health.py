"""Whether the service lives, whether it is ready, which one it is, and its counts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from paretoscope.api.context import Ctx
from paretoscope.api.readiness import readiness
from paretoscope.api.standing import standing
from paretoscope.contract import SCHEMA_MAJOR, SCHEMA_MINOR
from paretoscope.contract.views import Health, Readiness, StatusView, Version
from paretoscope.version import VERSION

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="This process answers")
async def healthz() -> Health:
    return Health()


@router.get(
    "/readyz",
    response_model=Readiness,
    responses={503: {"model": Readiness, "description": "Not ready; `reasons` says why."}},
    summary="Frames that come now will be analysed",
)
def readyz(context: Ctx, response: Response) -> Readiness:
    """The store takes and gives back a value, the event log is read, a worker was heard of lately and its
    device computed a tiny kernel lately, and the bridge (where this service runs one) was heard of lately.
    `checks` has each with its figure and its limit."""
    told = readiness(context)
    if not told.ready:
        response.status_code = 503
    return told


@router.get("/v1/status", summary="How the service stands, in an operator's words")
def get_status(context: Ctx) -> StatusView:
    """Always 200: 'ok', 'degraded' (something is missing or slow, the rest works) or 'down', with reasons."""
    return standing(context)


@router.get("/version", summary="Which service this is")
async def get_version() -> Version:
    return Version(version=VERSION, contract=f"{SCHEMA_MAJOR}.{SCHEMA_MINOR}")


_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {}}, "description": "Prometheus text."}
}


@router.get("/metrics", response_class=Response, responses=_TEXT, summary="Counts and times for Prometheus")
def get_metrics(context: Ctx) -> Response:
    return Response(generate_latest(context.metrics.registry), media_type=CONTENT_TYPE_LATEST)
