"""The service's results and controls from Python; ``rest_async.AsyncClient`` is the asyncio twin.

    with Client("http://127.0.0.1:8000") as service:
        for result in service.results("stem"):  # each new one; what is unfit for control raises UnfitResult
            for x, y in service.targets(result, classes=["Si"], edge_px=8).points:
                microscope.optics.paused_scan_beam_position = (x, y)

Refusals raise ``paretoscope.errors`` with the service's own code and hint; a service that cannot be reached
raises ``ServiceDown``. Every call has a time-out: `timeout_s`, plus what the service was asked to wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import httpx
import numpy as np

from paretoscope.contract import (
    BeamTargets,
    Classes,
    LogParams,
    ParameterMap,
    ParetoFront,
    StreamPolicy,
    TargetRule,
)
from paretoscope.contract.views import Accepted, ChoiceView, Readiness, StreamView, Version
from paretoscope.errors import ParetoscopeError
from paretoscope_client import rest_calls as calls
from paretoscope_client import rest_plans as plans
from paretoscope_client.fronts import Rule
from paretoscope_client.rest_events import EventReader, Heard
from paretoscope_client.rest_follow import Admission, Follower, Patience, Unfit
from paretoscope_client.rest_problems import Reply, broken, refusal
from paretoscope_client.rest_result import Picked, Result
from paretoscope_client.tables import data_frame

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 10.0


class Client:
    """One service. Thread-safe; keeps its connections open until closed."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        """key: an API key, where the service asks for one; PARETOSCOPE_KEY when None."""
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        # trust_env: a proxy of the environment must never stand between a loop and a service on this host
        self._http = httpx.Client(timeout=timeout_s, trust_env=False, headers=calls.authorization(key))

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def _ask(self, call: calls.Call[T]) -> T:
        try:
            answer = self._http.request(**call.request(self.url, self._timeout_s))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise broken(error, self.url) from error
        return call.answered(Reply(answer.status_code, answer.content), self.url)

    def _carry_out(self, plan: plans.Plan[T]) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    answer = time.sleep(step) if isinstance(step, float | int) else self._ask(step)
                except ParetoscopeError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration as done:
            return done.value

    def wait_ready(self, timeout_s: float = 30.0) -> Readiness:
        """Wait until the service answers, speaks this client's contract and has a worker ready for frames.

        Raises what was wrong last: ServiceDown, 'not-ready' with the reasons, Incompatible.
        """
        return self._carry_out(plans.wait_ready(timeout_s))

    def version(self) -> Version:
        return self._ask(calls.version())

    def readiness(self) -> Readiness:
        """Whether frames that come now will be analysed, and why not."""
        return self._ask(calls.readiness())

    def streams(self) -> list[StreamView]:
        """Every stream, the one seen last first."""
        return self._ask(calls.streams())

    def frames(self, stream: str, limit: int = 100) -> list[str]:
        """Ids of the frames that are kept, newest first."""
        return self._ask(calls.frames(stream, limit))

    def latest(
        self, stream: str, *, after: str | None = None, wait_s: float = 0.0, stale: bool = False
    ) -> Result | None:
        """The newest result; with `after` (a frame id) that of another frame, awaited up to `wait_s`.

        Never a stale one unless `stale`: where the newest is too old, the next is awaited within `wait_s`,
        and UnfitResult raised when none comes. None when nothing newer than `after` came. Raises NotFound for
        a stream without any result.
        """
        return self._carry_out(plans.latest(stream, after, wait_s, stale))

    def results(
        self,
        stream: str,
        *,
        allow: Collection[str] = (),
        unfit: Unfit = "raise",
        max_age_s: float | None = None,
        after: str | None = None,
        include_current: bool = False,
        wait_s: float = 20.0,
        timeout_s: float | None = None,
    ) -> Results:
        """Every new result as it comes, for ever; of several that came meanwhile only the newest.

        A result that is not fit for control raises UnfitResult, and the next `next()` goes on behind it;
        unfit="skip" leaves such results out, "pass" gives them like any other (for looking, not for acting).
        allow: reasons of the guard that do not count, e.g. {"simulated"}. max_age_s: see ``Result.unfit``.

        What was there before the call is left out unless `include_current` (or `after` says where to resume).
        Goes on by itself when the service is away for a while, and when the stream does not exist yet; raises
        Busy 'no-new-result' after `timeout_s` without one.
        """
        admission = Admission(allow, unfit, max_age_s)
        return Results(self._ask, Follower(stream, after, include_current, wait_s, timeout_s, admission))

    def frame(self, frame_id: str) -> Result:
        """How a frame stands: state, numbers, ledger, guard, fault."""
        return self._ask(calls.frame(frame_id))

    def result(self, frame_id: str, *, timeout_s: float = 60.0) -> Result:
        """Wait for the result of one frame, also one that is still on its way to the service.

        Raises the worker's own fault (BadInput) where it cannot be analysed; Busy 'not-yet' after that time.
        """
        return self._carry_out(plans.result(frame_id, timeout_s))

    def front(self, frame_id: str) -> ParetoFront:
        return self._ask(calls.front(frame_id))

    def windows(self, frame_id: str) -> ParameterMap:
        return self._ask(calls.windows(frame_id))

    def atoms(self, frame_id: str, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Column name -> 1-D array, one row an atom (``paretoscope.contract.ATOM_COLUMNS``)."""
        return self._ask(calls.atoms(frame_id, columns))

    def table(self, frame_id: str, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        """The atoms as a pandas table (``pip install 'paretoscope[pandas]'``), indexed by atom_id."""
        return data_frame(self.atoms(frame_id, columns))

    def targets(
        self,
        result: Result | str,
        rule: TargetRule | None = None,
        *,
        allow: Collection[str] = (),
        max_age_s: float | None = None,
        **fields: Any,
    ) -> BeamTargets:
        """Places for the beam: `rule`, or its fields as keywords (classes, min_confidence, edge_nm, apart_nm,
        at_most, order, ...; see ``TargetRule``).

        result: as `results` gave it, or a frame id. Raises UnfitResult where the guard is against acting on
        it now, and the reason is not in `allow`; BadParameters where the rule cannot be kept.
        """
        return self._carry_out(plans.targets(result, plans.target_rule(rule, fields), allow, max_age_s))

    def image(self, frame_id: str) -> np.ndarray:
        """(rows, columns), the very pixels that came."""
        return self._ask(calls.image(frame_id))

    def classes(self, frame_id: str) -> Classes:
        return self._ask(calls.classes(frame_id))

    def submit(
        self,
        pixels: np.ndarray,
        *,
        stream: str = "uploads",
        pixel_size_nm: float | None = None,
        dwell_us: float | None = None,
        detector: str | None = None,
        wait_s: float = 0.0,
    ) -> Result | Accepted:
        """Send an image (rows, columns). With `wait_s` its result if it comes in time, else `Accepted`."""
        return self._ask(calls.submit(pixels, stream, pixel_size_nm, dwell_us, detector, wait_s))

    def choose(
        self,
        frame_id: str,
        *,
        point: int | None = None,
        weight: float | None = None,
        params: LogParams | None = None,
        rule: Rule | None = None,
        scope: Literal["stream", "frame"] = "stream",
        by: str = "client",
        wait_s: float = 15.0,
    ) -> Picked:
        """Pick a point of the front, a weight (0 = least QC, 1 = least ER), any parameters, or by a rule (see
        ``paretoscope_client.fronts``).

        The answer carries the re-detected frame; its state is 'queued' when that took longer than `wait_s`
        (the choice stands: see `redetected`). A service that is restarted meanwhile is asked again within
        `wait_s`, and makes the choice once. Raises ServiceDown or StoreDown where it stays away.
        """
        return self._carry_out(plans.choose(frame_id, point, weight, params, rule, scope, by, wait_s))

    def choice(self, choice_id: str, *, wait_s: float = 0.0) -> Picked:
        return self._ask(calls.choice(choice_id, wait_s))

    def redetected(self, choice: ChoiceView | str, *, timeout_s: float = 60.0) -> Result:
        """Wait for a choice's re-detected frame. Raises Busy 'not-yet' after `timeout_s`."""
        return self._carry_out(plans.redetected(choice, timeout_s))

    def policy(self, stream: str) -> StreamPolicy:
        return self._ask(calls.policy(stream))

    def set_policy(self, stream: str, policy: StreamPolicy) -> StreamPolicy:
        """Applies from the stream's next frame on; returns it as the service understood it."""
        return self._ask(calls.set_policy(stream, policy))

    def change_policy(self, stream: str, **changes: Any) -> StreamPolicy:
        """Change some fields of the policy and leave the others: change_policy("stem", deadline_s=1.5).

        Reads, then writes: of two programs that do so at once the later wins. Raises BadParameters.
        """
        return self._carry_out(plans.change_policy(stream, changes))

    def class_names(self, stream: str) -> dict[int, str]:
        return self._ask(calls.class_names(stream))

    def name_class(self, stream: str, class_id: int, name: str | None) -> dict[int, str]:
        """Name a class for this and the following frames; None takes the name away."""
        return self._ask(calls.name_class(stream, class_id, name))

    def events(self, stream: str | None = None, *, after: str | None = None) -> Iterator[Heard]:
        """What happens, as it happens, for ever; comes back by itself and misses nothing that is kept.

        after: the `event_id` of the last event heard, to resume from; "0" = everything that is kept; None =
        from now on.
        """
        reader, patience = EventReader(after), Patience()
        while True:
            try:
                with self._http.stream(**reader.request(self.url, stream, self._timeout_s)) as answer:
                    if answer.status_code != 200:
                        raise refusal(Reply(answer.status_code, answer.read()), self.url)
                    for line in answer.iter_lines():
                        patience.well()
                        event = reader.feed(line)
                        if event is not None:
                            yield event
            except httpx.HTTPError:
                reader.broke()
            except ParetoscopeError as error:
                if not error.retry:
                    raise
            time.sleep(patience.pause_s())


class Results(Iterator[Result]):
    """See ``Client.results``."""

    def __init__(self, ask: Callable[[calls.Call[Result | None]], Result | None], follower: Follower) -> None:
        self._ask, self._follower = ask, follower

    def __next__(self) -> Result:
        while True:
            call = self._follower.call()
            try:
                answer = self._ask(call)
            except ParetoscopeError as error:
                time.sleep(self._follower.failed(error))
                continue
            news = self._follower.took(answer)
            if news is not None:
                return news
