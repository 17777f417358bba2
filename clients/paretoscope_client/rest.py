"""The service's results and controls from Python; ``rest_async.AsyncClient`` is the asyncio twin.

    with Client("http://127.0.0.1:8000") as service:
        for frame in service.results("stem"):
            atoms = service.atoms(frame.frame_id, ["y_px", "x_px", "confidence"])
            if frame.er is not None and frame.er > 0.1:
                service.choose(frame.frame_id, weight=0.8)

Refusals raise ``paretoscope.errors`` with the service's own code and hint; a service that cannot be reached
raises ``ServiceDown``. Every call has a time-out: `timeout_s`, plus what the service was asked to wait.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Literal, TypeVar

import httpx
import numpy as np

from paretoscope.contract import Classes, Event, LogParams, ParameterMap, ParetoFront, StreamPolicy
from paretoscope.contract.views import Accepted, ChoiceView, FrameView, Readiness, StreamView, Version
from paretoscope.errors import ParetoscopeError
from paretoscope_client import rest_calls as calls
from paretoscope_client.rest_events import EventReader
from paretoscope_client.rest_follow import Follower, Patience
from paretoscope_client.rest_problems import Reply, broken, refusal

T = TypeVar("T")

DEFAULT_URL = "http://127.0.0.1:8000"
TIMEOUT_S = 10.0


class Client:
    """One service. Thread-safe; keeps its connections open until closed."""

    def __init__(self, url: str = DEFAULT_URL, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url = url.rstrip("/")
        self._timeout_s = timeout_s
        # trust_env: a proxy of the environment must never stand between a loop and a service on this host
        self._http = httpx.Client(timeout=timeout_s, trust_env=False)

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

    def latest(self, stream: str, *, after: str | None = None, wait_s: float = 0.0) -> FrameView | None:
        """The newest result; with `after` (a frame id) that of another frame, awaited up to `wait_s`.

        None when nothing newer came. Raises NotFound for a stream without any result.
        """
        return self._ask(calls.latest(stream, after, wait_s))

    def results(
        self, stream: str, *, after: str | None = None, include_current: bool = False, wait_s: float = 20.0
    ) -> Iterator[FrameView]:
        """Every new result as it comes, for ever; of several that came meanwhile only the newest.

        What was there before the call is left out unless `include_current` (or `after` says where to resume).
        Goes on by itself when the service is away for a while, and when the stream does not exist yet.
        """
        follower = Follower(stream, after, include_current, wait_s)
        while True:
            try:
                news = follower.took(self._ask(follower.call()))
            except ParetoscopeError as error:
                time.sleep(follower.failed(error))
                continue
            if news is not None:
                yield news

    def frame(self, frame_id: str) -> FrameView:
        """How a frame stands: state, numbers, ledger, guard, fault."""
        return self._ask(calls.frame(frame_id))

    def front(self, frame_id: str) -> ParetoFront:
        return self._ask(calls.front(frame_id))

    def windows(self, frame_id: str) -> ParameterMap:
        return self._ask(calls.windows(frame_id))

    def atoms(self, frame_id: str, columns: Sequence[str] | None = None) -> dict[str, np.ndarray]:
        """Column name -> 1-D array, one row an atom (``paretoscope.contract.ATOM_COLUMNS``)."""
        return self._ask(calls.atoms(frame_id, columns))

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
    ) -> FrameView | Accepted:
        """Send an image (rows, columns). With `wait_s` its result if it comes in time, else `Accepted`."""
        return self._ask(calls.submit(pixels, stream, pixel_size_nm, dwell_us, detector, wait_s))

    def choose(
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
        """Pick a point of the front, a weight (0 = least QC, 1 = least ER) or any parameters.

        The answer carries the re-detected frame; its state is 'queued' when that took longer than `wait_s`
        (the choice stands: ask `choice`).
        """
        return self._ask(calls.choose(frame_id, point, weight, params, scope, by, wait_s))

    def choice(self, choice_id: str, *, wait_s: float = 0.0) -> ChoiceView:
        return self._ask(calls.choice(choice_id, wait_s))

    def policy(self, stream: str) -> StreamPolicy:
        return self._ask(calls.policy(stream))

    def set_policy(self, stream: str, policy: StreamPolicy) -> StreamPolicy:
        """Applies from the stream's next frame on; returns it as the service understood it."""
        return self._ask(calls.set_policy(stream, policy))

    def class_names(self, stream: str) -> dict[int, str]:
        return self._ask(calls.class_names(stream))

    def name_class(self, stream: str, class_id: int, name: str | None) -> dict[int, str]:
        """Name a class for this and the following frames; None takes the name away."""
        return self._ask(calls.name_class(stream, class_id, name))

    def events(self, stream: str | None = None, *, after: str | None = None) -> Iterator[Event]:
        """What happens, as it happens, for ever; comes back by itself and misses nothing that is kept.

        after: an event id to resume from; "0" = everything that is kept; None = from now on.
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
