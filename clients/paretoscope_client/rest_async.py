"""The asyncio twin of ``rest.Client``: the same calls, awaited; see there for what each means.

async with AsyncClient("http://127.0.0.1:8000") as service:
    async for result in service.results("stem"):
        targets = await service.targets(result, classes=["Si"], edge_px=8)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
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
from paretoscope_client.rest import DEFAULT_URL, TIMEOUT_S
from paretoscope_client.rest_events import EventReader, Heard
from paretoscope_client.rest_follow import Admission, Follower, Patience, Unfit
from paretoscope_client.rest_problems import Reply, broken, refusal
from paretoscope_client.rest_result import Picked, Result
from paretoscope_client.tables import data_frame

if TYPE_CHECKING:
    import pandas

T = TypeVar("T")


class AsyncClient:
    """One service, for one event loop; keeps its connections open until closed."""

    def __init__(
        self, url: str = DEFAULT_URL, *, key: str | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        # trust_env: a proxy of the environment must never stand between a loop and a service on this host
        self._http = httpx.AsyncClient(timeout=timeout_s, trust_env=False, headers=calls.authorization(key))

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._http.aclose()

    async def _ask(self, call: calls.Call[T]) -> T:
        try:
            answer = await self._http.request(**call.request(self.url, self._timeout_s))
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise broken(error, self.url) from error
        return call.answered(Reply(answer.status_code, answer.content), self.url)

    async def _carry_out(self, plan: plans.Plan[T]) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    answer = await (asyncio.sleep(step) if isinstance(step, float | int) else self._ask(step))
                except ParetoscopeError as error:
                    step = plan.throw(error)
                else:
                    step = plan.send(answer)
        except StopIteration as done:
            return done.value

    async def wait_ready(self, timeout_s: float = 30.0) -> Readiness:
        return await self._carry_out(plans.wait_ready(timeout_s))

    async def version(self) -> Version:
        return await self._ask(calls.version())

    async def readiness(self) -> Readiness:
        return await self._ask(calls.readiness())

    async def streams(self) -> list[StreamView]:
        return await self._ask(calls.streams())

    async def frames(self, stream: str, limit: int = 100) -> list[str]:
        return await self._ask(calls.frames(stream, limit))

    async def latest(
        self, stream: str, *, after: str | None = None, wait_s: float = 0.0, stale: bool = False
    ) -> Result | None:
        return await self._carry_out(plans.latest(stream, after, wait_s, stale))

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
    ) -> AsyncResults:
        admission = Admission(allow, unfit, max_age_s)
        return AsyncResults(self._ask, Follower(stream, after, include_current, wait_s, timeout_s, admission))

    async def frame(self, frame_id: str) -> Result:
        return await self._ask(calls.frame(frame_id))

    async def result(self, frame_id: str, *, timeout_s: float = 60.0) -> Result:
        return await self._carry_out(plans.result(frame_id, timeout_s))

    async def front(self, frame_id: str) -> ParetoFront:
        return await self._ask(calls.front(frame_id))

    async def windows(self, frame_id: str) -> ParameterMap:
        return await self._ask(calls.windows(frame_id))

    async def atoms(self, frame_id: str, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        return await self._ask(calls.atoms(frame_id, columns))

    async def table(self, frame_id: str, columns: Sequence[str] | None = None) -> pandas.DataFrame:
        return data_frame(await self.atoms(frame_id, columns))

    async def targets(
        self,
        result: Result | str,
        rule: TargetRule | None = None,
        *,
        allow: Collection[str] = (),
        max_age_s: float | None = None,
        **fields: Any,
    ) -> BeamTargets:
        return await self._carry_out(plans.targets(result, plans.target_rule(rule, fields), allow, max_age_s))

    async def image(self, frame_id: str) -> np.ndarray:
        return await self._ask(calls.image(frame_id))

    async def classes(self, frame_id: str) -> Classes:
        return await self._ask(calls.classes(frame_id))

    async def submit(
        self,
        pixels: np.ndarray,
        *,
        stream: str = "uploads",
        pixel_size_nm: float | None = None,
        dwell_us: float | None = None,
        detector: str | None = None,
        wait_s: float = 0.0,
    ) -> Result | Accepted:
        return await self._ask(calls.submit(pixels, stream, pixel_size_nm, dwell_us, detector, wait_s))

    async def choose(
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
        return await self._carry_out(plans.choose(frame_id, point, weight, params, rule, scope, by, wait_s))

    async def choice(self, choice_id: str, *, wait_s: float = 0.0) -> Picked:
        return await self._ask(calls.choice(choice_id, wait_s))

    async def redetected(self, choice: ChoiceView | str, *, timeout_s: float = 60.0) -> Result:
        return await self._carry_out(plans.redetected(choice, timeout_s))

    async def policy(self, stream: str) -> StreamPolicy:
        return await self._ask(calls.policy(stream))

    async def set_policy(self, stream: str, policy: StreamPolicy) -> StreamPolicy:
        return await self._ask(calls.set_policy(stream, policy))

    async def change_policy(self, stream: str, **changes: Any) -> StreamPolicy:
        return await self._carry_out(plans.change_policy(stream, changes))

    async def class_names(self, stream: str) -> dict[int, str]:
        return await self._ask(calls.class_names(stream))

    async def name_class(self, stream: str, class_id: int, name: str | None) -> dict[int, str]:
        return await self._ask(calls.name_class(stream, class_id, name))

    async def events(self, stream: str | None = None, *, after: str | None = None) -> AsyncIterator[Heard]:
        reader, patience = EventReader(after), Patience()
        while True:
            try:
                async with self._http.stream(**reader.request(self.url, stream, self._timeout_s)) as answer:
                    if answer.status_code != 200:
                        raise refusal(Reply(answer.status_code, await answer.aread()), self.url)
                    async for line in answer.aiter_lines():
                        patience.well()
                        event = reader.feed(line)
                        if event is not None:
                            yield event
            except httpx.HTTPError:
                reader.broke()
            except ParetoscopeError as error:
                if not error.retry:
                    raise
            await asyncio.sleep(patience.pause_s())


class AsyncResults(AsyncIterator[Result]):
    """See ``Client.results``."""

    def __init__(
        self, ask: Callable[[calls.Call[Result | None]], Awaitable[Result | None]], follower: Follower
    ) -> None:
        self._ask, self._follower = ask, follower

    async def __anext__(self) -> Result:
        while True:
            call = self._follower.call()
            try:
                answer = await self._ask(call)
            except ParetoscopeError as error:
                await asyncio.sleep(self._follower.failed(error))
                continue
            news = self._follower.took(answer)
            if news is not None:
                return news
