"""The application behind a socket: uvicorn, with open event streams ended on shutdown."""

from __future__ import annotations

import asyncio
import socket
import threading
from types import TracebackType

import uvicorn
from fastapi import FastAPI

from paretoscope.adapters.listening import for_http
from paretoscope.api.context import Context
from paretoscope.api.impatient import Impatient

GRACE_S = 5
START_LIMIT_S = 30.0


class _Server(uvicorn.Server):
    """Tells listeners and long-polls that it ends, instead of waiting for them."""

    def __init__(self, config: uvicorn.Config, context: Context) -> None:
        super().__init__(config)
        self._context = context
        self.up = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._context.tail.close()
        await super().shutdown(sockets)


def _impatient(app: FastAPI) -> type[Impatient]:
    """The connection class, counting into the application's own metrics."""
    refused = app.state.context.metrics.refused
    return type(
        "Connection", (Impatient,), {"counted": staticmethod(lambda code: refused.labels(code).inc())}
    )


class ApiServer:
    """Serve `app` on host:port; port 0 takes a free one (see `url`).

    ``run()`` serves until SIGINT or SIGTERM. As a context manager it serves in a thread:

        with ApiServer(create_app(store)) as server:
            httpx.get(server.url + "/healthz")
    """

    def __init__(
        self,
        app: FastAPI,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        listening: socket.socket | None = None,
    ) -> None:
        """Binds at once unless `listening` is given; raises AddressInUse."""
        self._socket = for_http(host, port) if listening is None else listening
        self.host, self.port = host, self._socket.getsockname()[1]
        config = uvicorn.Config(
            app,
            http=_impatient(app),
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            server_header=False,
        )
        self._server = _Server(config, app.state.context)
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    def run(self) -> None:
        try:
            self._server.run(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        """Ask it to end; safe from any thread."""
        self._server.should_exit = True

    def __enter__(self) -> ApiServer:
        self._thread = threading.Thread(target=self._serve_in_thread, name="api", daemon=True)
        self._thread.start()
        if not self._server.up.wait(START_LIMIT_S):
            raise RuntimeError("the API did not start")
        return self

    def _serve_in_thread(self) -> None:
        asyncio.run(self._server.serve(sockets=[self._socket]))
        self._socket.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if self._thread is not None:
            self._thread.join(START_LIMIT_S)
