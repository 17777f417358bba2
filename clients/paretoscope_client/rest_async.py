"""The asyncio twin of ``rest.Client``: the same calls, awaited; see there for what each means.

async with AsyncClient("http://127.0.0.1:8000") as service:
    async for frame in service.results("stem"):
        atoms = await service.atoms(frame.frame_id, ["y_px", "x_px", "confidence"])
        if frame.er is not None and frame.er > 0.1:
            await service.choose(frame.frame_id, weight=0.8)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Literal, TypeVar

import httpx
import numpy as np

from paretoscope.contract import Classes, Event, LogParams, ParameterMap, ParetoFront, StreamPolicy
from paretoscope.contract.views import Accepted, ChoiceView, FrameView, Readiness, StreamView, Version
from paretoscope.errors import ParetoscopeError
from paretoscope_client import rest_calls as calls
from paretoscope_client.rest import DEFAULT_URL, TIMEOUT_S
from paretoscope_client.rest_events import EventReader
from paretoscope_client.rest_follow import Follower, Patience
from paretoscope_client.rest_problems import Reply, broken, refusal

T = TypeVar("T")


class AsyncClient:
    """One service, for one event loop; keeps its connections open until closed."""

    def __init__(self, url: str = DEFAULT_URL, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        # trust_env: a proxy of the environment must never stand between a loop and a service on this host
        self._http = httpx.AsyncClient(timeout=timeout_s, trust_env=False)

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

    async def version(self) -> Version:
        return await self._ask(calls.version())

    async def readiness(self) -> Readiness:
        return await self._ask(calls.readiness())

    async def streams(self) -> list[StreamView]:
        return await self._ask(calls.streams())

    async def frames(self, stream: str, limit: int = 100) -> list[str]:
        return await self._ask(calls.frames(stream, limit))

    async def latest(self, stream: str, *, after: str | None = None, wait_s: float = 0.0) -> FrameView | None:
        return await self._ask(calls.latest(stream, after, wait_s))

    async def results(
        self, stream: str, *, after: str | None = None, include_current: bool = False, wait_s: float = 20.0
    ) -> AsyncIterator[FrameView]:
        follower = Follower(stream, after, include_current, wait_s)
        while True:
            try:
                news = follower.took(await self._ask(follower.call()))
            except ParetoscopeError as error:
                await asyncio.sleep(follower.failed(error))
                continue
            if news is not None:
                yield news

    async def frame(self, frame_id: str) -> FrameView:
        return await self._ask(calls.frame(frame_id))

    async def front(self, frame_id: str) -> ParetoFront:
        return await self._ask(calls.front(frame_id))

    async def windows(self, frame_id: str) -> ParameterMap:
        return await self._ask(calls.windows(frame_id))

    async def atoms(self, frame_id: str, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        return await self._ask(calls.atoms(frame_id, columns))

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
    ) -> FrameView | Accepted:
        return await self._ask(calls.submit(pixels, stream, pixel_size_nm, dwell_us, detector, wait_s))

    async def choose(
        self,
        frame_id: str,
        *,
        point: int | None = None,
        weight: float | None = None,
        params: LogParams | None = None,
        scope: Literal["stream", "frame"] = "stream",
        by: str = "client",
        wait_s: float = 15.0,
    ) -> ChoiceView:
        return await self._ask(calls.choose(frame_id, point, weight, params, scope, by, wait_s))

    async def choice(self, choice_id: str, *, wait_s: float = 0.0) -> ChoiceView:
        return await self._ask(calls.choice(choice_id, wait_s))

    async def policy(self, stream: str) -> StreamPolicy:
        return await self._ask(calls.policy(stream))

    async def set_policy(self, stream: str, policy: StreamPolicy) -> StreamPolicy:
        return await self._ask(calls.set_policy(stream, policy))

    async def class_names(self, stream: str) -> dict[int, str]:
        return await self._ask(calls.class_names(stream))

    async def name_class(self, stream: str, class_id: int, name: str | None) -> dict[int, str]:
        return await self._ask(calls.name_class(stream, class_id, name))

    async def events(self, stream: str | None = None, *, after: str | None = None) -> AsyncIterator[Event]:
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
