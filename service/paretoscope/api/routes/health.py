"""Whether the service lives, whether it is ready, which one it is, and its counts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from paretoscope.api.context import Ctx
from paretoscope.api.standing import age_s, standing, store_ms, worker_view
from paretoscope.contract import SCHEMA_MAJOR, SCHEMA_MINOR
from paretoscope.contract.views import Health, Readiness, StatusView, Version
from paretoscope.errors import ParetoscopeError
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
    """The store takes and gives back a value, the event log is read, and a worker was heard of lately."""
    store, beats, reasons = True, [], []
    latency_ms, bridge = None, None
    try:
        context.store.probe()
        latency_ms = store_ms(context.store)
        beats, bridge = context.store.workers(), context.store.bridge()
    except ParetoscopeError as error:
        store = False
        reasons.append(error.hint)
    if store and not context.tail.connected:
        reasons.append("The event log cannot be read; it is tried again twice a second.")
    if store and not any(beat.state in ("ready", "working") for beat in beats):
        reasons.append(
            "Workers are starting; kernels compile on first use."
            if beats
            else "No worker was heard of lately; start one with `paretoscope worker`."
        )
    if reasons:
        response.status_code = 503
    return Readiness(
        ready=not reasons,
        store=store,
        store_ms=latency_ms,
        bridge_seen_s=None if bridge is None else age_s(bridge.at),
        event_log=context.tail.connected,
        workers=[worker_view(beat) for beat in beats],
        reasons=reasons,
    )


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
