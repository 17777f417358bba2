"""The HTTP application, put together: ``create_app(store, settings)``."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgi_correlation_id import CorrelationIdMiddleware
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline
from prometheus_fastapi_instrumentator import Instrumentator

from paretoscope.adapters.api_keys import KeyRing
from paretoscope.adapters.store import Store
from paretoscope.api import answers, login, problems, scopes
from paretoscope.api.auditor import Auditor
from paretoscope.api.body_limit import BodyLimit
from paretoscope.api.context import Context
from paretoscope.api.doorkeeper import Doorkeeper
from paretoscope.api.guard import WRONG_PER_S, Guard
from paretoscope.api.metrics import Metrics
from paretoscope.api.pace import Pace
from paretoscope.api.pictures import PictureCache
from paretoscope.api.routes import (
    audit,
    caller,
    choice,
    classes,
    dead_letters,
    events,
    export,
    frames,
    health,
    instruments,
    mask,
    pages,
    pauses,
    policy,
    results,
    spectrum,
    streams,
    targets,
)
from paretoscope.api.settings import SMALL_BODY_BYTES, ApiSettings
from paretoscope.api.tail import EventTail
from paretoscope.api.uploads import Uploads
from paretoscope.version import VERSION

DESCRIPTION = """Atoms, Pareto fronts and classes of the frames a microscope delivers.

Coordinates are (y, x) in pixels from the centre of the top-left pixel, y downwards; units stand in names.
NaN never appears: null, and a reason beside it. Errors are RFC 9457 problem details with a `code` for
programs and a `hint` for people.
"""


def create_app(store: Store, settings: ApiSettings | None = None) -> FastAPI:
    """An ASGI application over `store`. It starts and stops its own event reader with its lifespan."""
    settings = settings or ApiSettings()
    metrics = Metrics(store)
    ring = KeyRing(settings.keys, required=settings.keys_required)
    tail = EventTail(store, metrics.saw)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await tail.start()
        yield
        await tail.stop()

    app = FastAPIOffline(
        title="Paretoscope",
        version=VERSION,
        description=DESCRIPTION,
        docs_url="/docs",
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.context = Context(
        store=store,
        settings=settings,
        tail=tail,
        metrics=metrics,
        pictures=PictureCache(settings.cached_pictures),
        uploads=Uploads(),
    )
    problems.install(app)
    parts = (
        frames,
        results,
        mask,
        spectrum,
        export,
        targets,
        streams,
        choice,
        classes,
        events,
        policy,
        pauses,
        instruments,
    )
    for part in (*parts, audit, dead_letters, caller):
        app.include_router(part.router, prefix="/v1")
    app.include_router(health.router)
    login.install(app, ring)
    pages.install(app)
    Instrumentator(
        registry=metrics.registry,
        should_ignore_untemplated=True,
        excluded_handlers=["/metrics", "/v1/events"],
    ).instrument(app)
    app.add_middleware(Auditor, store=store, metrics=metrics)
    app.add_middleware(BodyLimit, uploads_bytes=settings.max_body_bytes, other_bytes=SMALL_BODY_BYTES)
    pace = Pace(settings.requests_per_s, burst=2.0 * settings.requests_per_s)
    wrong = Pace(WRONG_PER_S, settings.wrong_keys)
    app.add_middleware(Guard, ring=ring, pace=pace, wrong=wrong, metrics=metrics)
    app.add_middleware(Doorkeeper, hosts=settings.allowed_hosts, origins=settings.allowed_origins)
    app.add_middleware(CorrelationIdMiddleware, header_name="X-Request-ID", validator=_plain_id)
    _describe(app)
    return app


def _describe(app: FastAPI) -> None:
    """Let the published description say which scope each route asks for, and what it may refuse."""
    plain = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = answers.describe(scopes.describe(plain()))
        return app.openapi_schema

    app.openapi = described


def _plain_id(text: str) -> bool:
    """A caller's own request id is kept where it is short and plain enough for a log."""
    return 0 < len(text) <= 64 and text.isascii() and text.replace("-", "").isalnum()
