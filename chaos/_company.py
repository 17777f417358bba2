"""Everybody else at the service during a long night: operators, loops, listeners, viewers and fools.

Nobody here kills anything. Each does its one thing again and again, at a bounded rate, until the night ends;
refusals and lost connections are part of the night and counted, anything unforeseen is kept and told.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

import httpx
import msgpack
import zmq

from chaos.stage import Stage
from paretoscope.errors import ParetoscopeError
from paretoscope_client import Client

SLOW_VIEWERS = 5
MEDIA = ("application/json", "application/msgpack", "text/csv", "application/vnd.apache.arrow.stream")


class Company:
    def __init__(self, stage: Stage, stream: str, *, hurry: float = 1.0, seed: int = 0) -> None:
        """hurry: so many times more often than on a whole night."""
        self._stage = stage
        self._stream = stream
        self._dice = random.Random(seed)
        self._stop = threading.Event()
        self._viewers: deque[socket.socket] = deque()
        self._client = Client(stage.url, timeout_s=10.0)
        self.did: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        """By who and why."""
        self.unforeseen: list[str] = []
        jobs: list[tuple[float, Callable[[], None]]] = [
            (0.2, self.malformed_message),
            (0.5, self.reader),
            (2.0, self.short_listener),
            (7.0, self.pick),
            (15.0, self.slow_viewer),
            (20.0, self.policy_change),
        ]
        self._threads = [
            threading.Thread(target=self._again, args=(every_s / hurry, job), name=job.__name__, daemon=True)
            for every_s, job in jobs
        ]

    def _again(self, every_s: float, job: Callable[[], None]) -> None:
        while not self._stop.wait(every_s):
            try:
                job()
                self.did[job.__name__] += 1
            except ParetoscopeError as error:
                self.refused[f"{job.__name__}: {error.code}"] += 1
            except (httpx.HTTPError, OSError) as error:
                self.refused[f"{job.__name__}: {type(error).__name__}"] += 1
            except Exception as error:
                self.unforeseen.append(f"{job.__name__}: {error!r}"[:300])

    def malformed_message(self) -> None:
        """Nonsense to the frame socket; its answer is a fault, or none."""
        frame = {"type": "frame", "version": "1.0", "stream": self._stream, "epoch": "x", "sequence": 0}
        promised = {"shape": [256, 256], "dtype": "uint16", "nbytes": 131072, "crc32": 1}
        header: bytes = msgpack.packb(frame | promised)  # type: ignore[assignment]
        parts = self._dice.choice(
            [
                [self._dice.randbytes(self._dice.randrange(1, 400))],
                [header[: self._dice.randrange(1, len(header))], bytes(131072)],
                [header, bytes(self._dice.randrange(0, 131072))],
                [header, bytes(131072)],
                [msgpack.packb(frame | promised | {"shape": [2**31, 2**31]}), b""],
                [msgpack.packb({"type": self._dice.choice(["frame", "rows", "end", "?", ""])})],
                [b"", b"", b""],
            ]
        )
        with zmq.Context.instance().socket(zmq.DEALER) as dealer:
            dealer.setsockopt(zmq.LINGER, 200)
            dealer.connect(self._stage.frames)
            dealer.send_multipart(parts)
            if dealer.poll(500):
                dealer.recv_multipart()

    def reader(self) -> None:
        """A loop or a page that looks at the newest result."""
        newest = self._client.latest(self._stream, stale=True)
        paths = ["/metrics", "/", "/readyz", "/v1/streams", f"/v1/streams/{self._stream}/frames"]
        if newest is not None:
            paths += [f"/v1/frames/{newest.frame_id}/{part}" for part in ("atoms", "image", "front", "")]
        path = self._dice.choice(paths).rstrip("/") or "/"
        accept = self._dice.choice(MEDIA) if path.endswith("atoms") else "*/*"
        httpx.get(self._stage.url + path, headers={"Accept": accept}, timeout=10.0, trust_env=False)

    def short_listener(self) -> None:
        """Comes to the event stream, hears a little, and is gone without a word."""
        until_s = time.monotonic() + 1.0
        with httpx.stream("GET", f"{self._stage.url}/v1/events", timeout=3.0, trust_env=False) as answer:
            for _ in answer.iter_lines():
                if time.monotonic() > until_s:
                    return

    def pick(self) -> None:
        """The operator picks a weight on the newest front."""
        newest = self._client.latest(self._stream, stale=True)
        if newest is not None:
            self._client.choose(newest.frame_id, weight=self._dice.uniform(0.4, 0.6), by="night", wait_s=5.0)

    def slow_viewer(self) -> None:
        """Asks for every event and reads none; the oldest of several leaves."""
        at = urlsplit(self._stage.url)
        viewer = socket.create_connection((at.hostname, at.port), timeout=5.0)
        viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._viewers.append(viewer)
        viewer.sendall(f"GET /v1/events?after=0 HTTP/1.1\r\nHost: {at.netloc}\r\n\r\n".encode())
        if len(self._viewers) > SLOW_VIEWERS:
            self._viewers.popleft().close()

    def policy_change(self) -> None:
        self._client.change_policy(self._stream, deadline_s=self._dice.choice([2.5, 3.0]))

    def __enter__(self) -> Company:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15.0)
        for viewer in self._viewers:
            viewer.close()
        self._client.close()
