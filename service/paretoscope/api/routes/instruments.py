"""Instruments: what there is, how each stands, and starting, pausing, stopping and setting them."""

from __future__ import annotations

import difflib
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from paretoscope.adapters.store import Store
from paretoscope.api.answers import may
from paretoscope.api.audit import audit
from paretoscope.api.context import Context, Ctx
from paretoscope.api.routes.parameters import NAME
from paretoscope.api.waiting import wait_until
from paretoscope.contract import Event, Pause
from paretoscope.contract.instruments import SETTINGS, InstrumentReport, InstrumentWish
from paretoscope.contract.views import InstrumentRequest, InstrumentsView, InstrumentView
from paretoscope.errors import BadParameters, Busy, NotFound, ParetoscopeError

router = APIRouter(tags=["instruments"])

NOBODY = "No service that runs instruments was heard of lately; start `paretoscope serve`."
NamePath = Annotated[str, Path(pattern=NAME, description="An instrument's name.")]


class CannotNow(ParetoscopeError):
    """The instrument is not in a state for that."""

    status = 409
    default_code = "instrument-state"


@router.get("/instruments", summary="Every instrument that can be run here, and how it stands")
def get_instruments(context: Ctx) -> InstrumentsView:
    return _all(context.store)


@router.get("/instruments/{name}", summary="One instrument")
def get_instrument(name: NamePath, context: Ctx) -> InstrumentView:
    return _one(context.store, name)


@router.put("/instruments/{name}", responses=may(409), summary="Start, pause, stop or set an instrument")
async def put_instrument(
    name: NamePath,
    asked: InstrumentRequest,
    context: Ctx,
    wait: Annotated[
        float, Query(ge=0.0, description="How long to wait until it is so, s (default 5).")
    ] = 5.0,
) -> InstrumentView:
    """Answers once it is as asked, or after `wait` as far as it has come (`settled` is then false).

    New settings of a running instrument end it after the frame it is at, and start it anew: its frames begin
    a new epoch, so that no frame is of mixed settings and nothing counts as missing.
    """
    revision = await run_in_threadpool(_ask, context, name, asked)

    async def look() -> InstrumentView | None:
        view = await run_in_threadpool(_one, context.store, name)
        return view if view.settled else None

    def of_it(event: Event) -> bool:
        return event.kind == "instrument" and event.data.get("revision") == revision

    view = await wait_until(look, context.tail, min(wait, context.settings.max_wait_s), of_it)
    return view or await run_in_threadpool(_one, context.store, name)


def _ask(context: Context, name: str, asked: InstrumentRequest) -> int:
    store = context.store
    report = _found(store, name)
    if not store.instruments_are_run():
        raise Busy("no-instrument-service", hint=NOBODY)
    if report.state == "unavailable":
        raise CannotNow("instrument-unavailable", hint=f"{report.title}: {report.reason}")
    wish = store.wishes().get(name)
    before = report.settings if wish is None else wish.settings
    settings = _checked(report, before, asked.settings)
    wanted = _wanted(report, wish)
    stream = str(settings.get("stream", ""))
    if asked.state == "paused":
        if wanted != "running":
            raise CannotNow(
                "not-running", hint=f"{report.title} is {report.state}; start it before it is paused."
            )
        store.pause(stream, asked.by)
    elif asked.state == "running":
        store.resume(stream, asked.by)
        wanted = "running"
    elif asked.state == "stopped":
        wanted = "stopped"
    unchanged = wish is not None and settings == wish.settings and wanted == wish.state
    again = asked.state == "running" and report.state in ("stopped", "failed")
    audit("instrument", asked.by, instrument=name, state=asked.state, settings=asked.settings)
    if wish is not None and unchanged and not again:
        return wish.revision
    return store.wish_instrument(name, wanted, settings, asked.by).revision


def _wanted(report: InstrumentReport, wish: InstrumentWish | None) -> Any:
    """What is to go on: an instrument that ended by itself is not wanted any more."""
    if wish is None or (wish.revision == report.revision and report.state in ("stopped", "failed")):
        return "stopped"
    return wish.state


def _checked(report: InstrumentReport, before: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """All settings, the given ones taken over. Raises BadParameters naming the one that is wrong."""
    properties = report.settings_schema["properties"]
    for name in given:
        if name not in properties:
            near = difflib.get_close_matches(name, properties, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(properties)}."
            raise BadParameters("unknown-setting", hint=f"{report.title} has no setting {name[:64]}. {hint}")
    try:
        settings = SETTINGS[report.kind].model_validate({**before, **given}).model_dump(mode="json")
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "settings"
        unit = properties.get(where, {}).get("unit")
        raise BadParameters(
            "bad-setting",
            hint=f"{where}{f' ({unit})' if unit else ''}: {first['msg'].removeprefix('Value error, ')}.",
        ) from None
    for name, value in settings.items():
        listed = properties.get(name, {}).get("enum")
        if listed is not None and value not in listed:
            offered = ", ".join(str(one) for one in listed if one is not None)
            raise BadParameters(
                "bad-setting", hint=f"{name}: there is no {value!r:.60}; there are {offered[:400]}."
            )
    return settings


def _found(store: Store, name: str) -> InstrumentReport:
    reports = store.instruments()
    for report in reports:
        if report.name == name:
            return report
    known = ", ".join(report.name for report in reports) or "none, no service runs any"
    raise NotFound("no-such-instrument", hint=f"There is no instrument {name}. Known: {known}.")


def _one(store: Store, name: str) -> InstrumentView:
    report = _found(store, name)
    return _view(report, store.wishes().get(name), store.instruments_are_run(), store.paused_streams())


def _all(store: Store) -> InstrumentsView:
    wishes, run_here, paused = store.wishes(), store.instruments_are_run(), store.paused_streams()
    views = [_view(one, wishes.get(one.name), run_here, paused) for one in store.instruments()]
    return InstrumentsView(instruments=views, run_here=run_here)


def _view(
    report: InstrumentReport, wish: InstrumentWish | None, run_here: bool, paused: dict[str, Pause]
) -> InstrumentView:
    told = report.model_dump(include=set(InstrumentView.model_fields))
    stream = str(report.settings.get("stream", ""))
    if not run_here:
        told |= {"state": "unavailable", "reason": NOBODY}
    elif report.state in ("running", "paused"):  # a pause is told at once, not when it is next reported
        held = paused.get(stream)
        told |= {"state": "paused" if held else "running", "reason": f"{held.told}." if held else ""}
    links = {"self": f"/v1/instruments/{report.name}"}
    links |= {
        part: f"/v1/streams/{stream}/{part}" for part in ("latest", "frames", "policy", "pause", "resume")
    }
    return InstrumentView(
        **told,
        stream=stream,
        wanted="stopped" if wish is None else wish.state,
        settled=wish is None or wish.revision == report.revision,
        links=links,
    )
