"""The REST client and its asyncio twin behind one face, so that every test serves both."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

from paretoscope.api.server import ApiServer
from paretoscope_client import AsyncClient, Client


class Iterated:
    def __init__(self, runner: asyncio.Runner, source: Any) -> None:
        self._runner, self._source = runner, source

    def __iter__(self) -> Iterated:
        return self

    def __next__(self) -> Any:
        return self._runner.run(self._next())

    async def _next(self) -> Any:
        return await anext(self._source)

    def close(self) -> None:
        self._runner.run(self._source.aclose())


class Awaited:
    """An AsyncClient called like the other one, so that every test serves both."""

    def __init__(self, url: str, **how: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = self._runner.run(self._made(url, how))

    @staticmethod
    async def _made(url: str, how: dict[str, Any]) -> AsyncClient:
        return AsyncClient(url, **how)

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)
        if inspect.iscoroutinefunction(method):
            return lambda *a, **k: self._runner.run(method(*a, **k))
        return lambda *a, **k: Iterated(self._runner, method(*a, **k))

    def end(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()


@pytest.fixture(params=["sync", "async"])
def client(request: pytest.FixtureRequest, api: ApiServer) -> Iterator[Any]:
    if request.param == "sync":
        with Client(api.url) as plain:
            yield plain
        return
    awaited = Awaited(api.url)
    yield awaited
    awaited.end()
