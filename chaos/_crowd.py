"""Many clients at once, each group in a process of its own, and how long they waited.

result -> poller    from the worker's time stamp, just before the result is written, to the result read here
event -> listener   from the time stamp of the `result` event in the store to the event in hand
GET policy, atoms   the call's own time
pick                the call's own time, with the re-detected frame in its answer

A job is a function of (service, clients, over, out) that a spawned process runs: it puts HERE into `out`,
does what its clients do until the event `over` is set, and puts its times there.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from paretoscope.errors import ParetoscopeError
from paretoscope_client import AsyncClient, Client

POLLED, HEARD = "result -> poller", "event -> listener"
POLICY, ATOMS, PICK = "GET policy", "GET atoms, all columns", "pick"
HERE = "here"
LATEST_S = 100.0
"""The longest a group may take to come, and to tell its times."""

Times = list[tuple[str, float, float]]
"""(what, when it ended by the monotonic clock, ms)."""


@dataclass(frozen=True)
class Open:
    """A service as its clients know it."""

    url: str
    streams: tuple[str, ...]


Job = Callable[[Open, int, Any, Any], None]


def _since_ms(utc: str) -> float:
    return (time.time() - datetime.fromisoformat(utc).timestamp()) * 1e3


def _turn(service: Open, number: int) -> str:
    return service.streams[number % len(service.streams)]


def wait_for_results(service: Open, clients: int, over: Any, out: Any) -> None:
    """So many long-polling clients in this process."""
    times: Times = []

    async def one(number: int) -> None:
        async with AsyncClient(service.url) as client:
            async for result in client.results(_turn(service, number), unfit="pass"):
                if result.ledger is not None and result.ledger.published_at is not None:
                    times.append((POLLED, time.monotonic(), _since_ms(result.ledger.published_at)))

    out.put(HERE)
    _run_until_over(one, clients, over)
    out.put(times)


def listen(service: Open, clients: int, over: Any, out: Any) -> None:
    """So many readers of the event stream."""
    times: Times = []

    async def one(number: int) -> None:
        async with AsyncClient(service.url) as client:
            async for event in client.events(_turn(service, number)):
                if event.kind == "result":
                    times.append((HEARD, time.monotonic(), _since_ms(event.at)))

    out.put(HERE)
    _run_until_over(one, clients, over)
    out.put(times)


def ask(service: Open, clients: int, over: Any, out: Any) -> None:
    """One client that asks and asks, twenty times a second at most."""
    times: Times = []
    number = 0
    with Client(service.url) as client:
        out.put(HERE)
        while not over.is_set():
            stream, number = _turn(service, number), number + 1
            newest = client.latest(stream, stale=True)
            if newest is not None:
                _timed(POLICY, times, partial(client.policy, stream))
                _timed(ATOMS, times, partial(client.atoms, newest.frame_id))
            time.sleep(0.05)
    out.put(times)


def pick(service: Open, clients: int, over: Any, out: Any) -> None:
    """An operator who picks a point of the front every second; what is refused is not timed."""
    times: Times = []
    number = 0
    with Client(service.url) as client:
        out.put(HERE)
        while not over.is_set():
            stream, number = _turn(service, number), number + 1
            weight = 0.4 + 0.2 * (number % 2)
            try:
                newest = client.latest(stream, stale=True)
                if newest is not None:
                    choose = partial(client.choose, newest.frame_id, weight=weight, scope="frame")
                    _timed(PICK, times, choose)
            except ParetoscopeError as error:
                if not error.retry:
                    raise
            time.sleep(1.0)
    out.put(times)


def _timed(what: str, times: Times, call: Callable[[], Any]) -> None:
    begun = time.monotonic()
    call()
    times.append((what, time.monotonic(), (time.monotonic() - begun) * 1e3))


def _run_until_over(one: Callable[[int], Any], clients: int, over: Any) -> None:
    async def all_of_them() -> None:
        tasks = [asyncio.create_task(one(number)) for number in range(clients)]
        while not over.is_set():
            await asyncio.sleep(0.05)
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    asyncio.run(all_of_them())


class Crowd:
    """Groups of clients, one process each; they end with this process at the latest."""

    def __init__(self, service: Open, groups: Iterable[tuple[Job, int]]) -> None:
        """groups: (job, how many clients). Returns when all are there; raises queue.Empty if not."""
        spawn = multiprocessing.get_context("spawn")
        self._out, self._over = spawn.Queue(), spawn.Event()
        self._jobs = [
            spawn.Process(target=job, args=(service, clients, self._over, self._out), daemon=True)
            for job, clients in groups
        ]
        for job in self._jobs:
            job.start()
        for _ in self._jobs:
            assert self._out.get(timeout=LATEST_S) == HERE

    def times(self) -> Times:
        """Send everybody home; everything that was timed. Raises queue.Empty when a group tells nothing."""
        self._over.set()
        times = [one for _ in self._jobs for one in self._out.get(timeout=LATEST_S)]
        for job in self._jobs:
            job.join(LATEST_S)
        return times
