"""Makes instruments be as the store says they should.

wished      process          what is done
running     none             it is started, once; whatever ends it, nothing starts it again but a new wish
running     as wished        nothing
running     other settings   it is ended, then started with the new ones: its frames begin a new epoch
stopped     any              it is ended: SIGTERM, SIGKILL after a while
-           ended with 0     'stopped': it had taken its frames
-           ended otherwise  'failed', with its last lines

Whether a running one is 'paused' is its stream's matter. One service runs instruments at a time; where
several share a store the others wait.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import structlog
from pydantic import ValidationError

from paretoscope.adapters.store import Store, utc_now, utc_text
from paretoscope.contract.instruments import (
    InstrumentReport,
    InstrumentSettings,
    InstrumentState,
    InstrumentWish,
)
from paretoscope.errors import ParetoscopeError
from paretoscope.instruments.catalogue import Instrument, expected
from paretoscope.instruments.child import Child

log = structlog.get_logger(__name__)

LOOK_S = 0.15
GRACE_S = 5.0
"""How long an instrument has to end before it is killed, s; its last frame may still be on its way."""
HELD_S = 5.0
FRESH_S = 30.0
"""How often schemas are made anew: recordings come and go."""


@dataclass
class Run:
    """What the reconciler knows of one instrument."""

    instrument: Instrument
    settings: InstrumentSettings
    state: InstrumentState = "stopped"
    reason: str = ""
    since: str = ""
    revision: int = 0
    child: Child | None = None
    ending_s: float | None = None
    """When its process was asked to end."""
    lines: list[str] = field(default_factory=list)
    reported: InstrumentReport | None = None


class Reconciler:
    """A thread of the serving process, from ``start`` to ``stop``; also a context manager."""

    def __init__(
        self, store: Store, instruments: Sequence[Instrument], address: str, *, owner: str | None = None
    ) -> None:
        """address: where frames are taken. owner: names this service among those that share the store."""
        self._store = store
        self._address = address
        self._owner = owner or f"{socket.gethostname()}-{os.getpid()}-{id(self):x}"
        self._runs = {one.name: Run(one, one.model(), since=utc_text(utc_now())) for one in instruments}
        self._schemas: dict[str, dict[str, Any]] = {}
        self._schemas_s = float("-inf")
        self._holding = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="instruments", daemon=True)

    def start(self) -> Reconciler:
        self._thread.start()
        return self

    def stop(self) -> None:
        """End every instrument, then this."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(2 * GRACE_S)

    def __enter__(self) -> Reconciler:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        # This thread must outlive its children (see Child), so that nothing but a stop may end it.
        while not self._stop.wait(LOOK_S):
            try:
                self._turn()
            except ParetoscopeError as error:
                log.debug("instruments wait for the store", code=error.code)
                self._stop.wait(0.5)
            except Exception:
                log.exception("the instruments' keeper stumbled; it goes on")
                self._stop.wait(1.0)
        self._end_all("the service was stopped")

    def _turn(self) -> None:
        if not self._store.hold_instruments(self._owner, HELD_S):
            if self._holding:
                self._end_all("another service runs the instruments now", tell=False)
            self._holding = False
            return
        if time.monotonic() - self._schemas_s > FRESH_S:
            self._schemas = {
                name: run.instrument.schema()
                for name, run in self._runs.items()
                if not run.instrument.missing
            }
            self._schemas_s = time.monotonic()
        wishes = self._store.wishes()
        if not self._holding:
            self._take_over(wishes)
            self._holding = True
        paused = self._store.paused_streams()
        for name, run in self._runs.items():
            if not run.instrument.missing:
                self._watch(run)
                if name in wishes:
                    self._fulfil(run, wishes[name])
            self._report(run, paused)

    def _take_over(self, wishes: dict[str, InstrumentWish]) -> None:
        """At the start: what was running runs again, unless it puts a dose on a real sample."""
        before = {report.name: report for report in self._store.instruments()}
        self._store.forget_instruments([name for name in before if name not in self._runs])
        for name, run in self._runs.items():
            held, wish = before.get(name), wishes.get(name)
            if run.instrument.missing:
                self._be(run, "unavailable", run.instrument.missing)
                continue
            if wish is not None:
                run.settings = self._read(run, wish) or run.settings
            was_running = held is not None and held.state in ("running", "paused")
            new_wish = wish is not None and (held is None or held.revision != wish.revision)
            if wish is None or wish.state == "stopped" or not (was_running or new_wish):
                run.revision = 0 if wish is None else wish.revision
                if held is not None and held.state in ("stopped", "failed"):
                    run.state, run.reason, run.since, run.lines = (
                        held.state,
                        held.reason,
                        held.since,
                        held.lines,
                    )
                continue
            if not run.instrument.resumes:
                run.revision = wish.revision
                self._be(run, "stopped", "The service was restarted; start the instrument again yourself.")

    def _watch(self, run: Run) -> None:
        child = run.child
        if child is None:
            return
        code = child.poll()
        if code is None:
            if run.ending_s is not None and time.monotonic() - run.ending_s > GRACE_S:
                child.kill()
            return
        run.lines, run.child = child.lines(wait_s=1.0), None
        asked, run.ending_s = run.ending_s is not None, None
        if asked:
            return  # what it was ended for is done next
        if code == 0:
            self._be(run, "stopped", "It has taken all its frames.")
        else:
            last = run.lines[-1] if run.lines else f"it ended with code {code} and said nothing"
            self._be(run, "failed", last.removeprefix("error: "))
            log.warning("an instrument failed", instrument=run.instrument.name, code=code, last_line=last)

    def _fulfil(self, run: Run, wish: InstrumentWish) -> None:
        if wish.revision == run.revision:
            return
        settings = self._read(run, wish)
        if settings is None:
            run.revision = wish.revision
            return
        if run.child is not None:
            if wish.state == "running" and settings == run.settings and run.ending_s is None:
                run.revision = wish.revision
                return
            if run.ending_s is None:
                run.child.tell()
                run.ending_s = time.monotonic()
            return  # it is looked at again once its process has ended
        run.revision, run.settings = wish.revision, settings
        if wish.state == "stopped":
            self._be(run, "stopped", f"Stopped by {wish.by}." if run.state == "running" else "")
            return
        run.lines = []
        try:
            run.child = Child(run.instrument.command(settings, self._address), dict(os.environ))
        except OSError as error:
            self._be(run, "failed", f"It cannot be started: {error.strerror or error}.")
            return
        log.info("instrument started", instrument=run.instrument.name, pid=run.child.pid, by=wish.by)
        self._be(run, "running", "")

    def _read(self, run: Run, wish: InstrumentWish) -> InstrumentSettings | None:
        try:
            return run.instrument.model.model_validate(wish.settings)
        except ValidationError as error:  # of another version: the API has checked those of its own
            self._be(run, "failed", f"Its settings cannot be read: {error.errors()[0]['msg']}.")
            return None

    @staticmethod
    def _be(run: Run, state: InstrumentState, reason: str) -> None:
        run.state, run.reason, run.since = state, reason, utc_text(utc_now())

    def _report(self, run: Run, paused: dict[str, Any]) -> None:
        """Tell the store what has changed, and listeners what concerns them."""
        state, reason = run.state, run.reason
        stream = getattr(run.settings, "stream", "")
        if state == "running" and stream in paused:
            state, reason = "paused", f"{paused[stream].told}."
        report = InstrumentReport(
            name=run.instrument.name,
            kind=run.instrument.kind,
            title=run.instrument.title,
            state=state,
            reason=reason,
            settings=run.settings.model_dump(mode="json"),
            settings_schema=self._schemas.get(run.instrument.name)
            or run.instrument.model.model_json_schema(),
            expected={} if run.instrument.missing else expected(run.settings),
            revision=run.revision,
            since=run.since,
            pid=None if run.child is None else run.child.pid,
            lines=run.lines if run.child is None else run.child.lines(),
        )
        if report == run.reported:
            return
        before, run.reported = run.reported, report
        quiet = {"lines", "pid", "since", "settings_schema"}
        tell = before is None or report.model_dump(exclude=quiet) != before.model_dump(exclude=quiet)
        self._store.report_instrument(report, tell=tell)

    def _end_all(self, reason: str, tell: bool = True) -> None:
        running = [run for run in self._runs.values() if run.child is not None]
        for run in running:
            assert run.child is not None
            run.child.tell()
        until = time.monotonic() + GRACE_S
        for run in running:
            assert run.child is not None
            if not run.child.wait(max(0.0, until - time.monotonic())):
                run.child.kill()
                run.child.wait(GRACE_S)
            run.child = None
        if tell:
            self._quietly(lambda: self._store.leave_instruments(self._owner))
        log.debug("instruments ended", count=len(running), reason=reason)

    @staticmethod
    def _quietly(last_word: Callable[[], object]) -> None:
        """The store may be gone before us; its record is then set right at the next start."""
        try:
            last_word()
        except ParetoscopeError as error:
            log.debug("not told", code=error.code)
