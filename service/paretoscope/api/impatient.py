"""Connections that hold a place without using it are closed: slow heads, readers that do not read, the gone.

    connected ──> head of a request within HEAD_S ──> answer; the peer takes what is written within STALL_S
        │                     │                                            │
        └─ too many at once ──┴─────────────── closed ────────────────────┘

Slow bodies are the body limit's. Buffers are the transport's: 64 KiB a connection, then writing waits.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from paretoscope.api.problems import problem_response

HEAD_S = 10.0
STALL_S = 30.0
MOST_CONNECTIONS = 768
"""Below the usual limit of 1024 open files, of which the store, logs and workers need some."""


class Impatient(H11Protocol):
    """One connection. `counted` is told a code for each that is closed for its slowness."""

    head_s = HEAD_S
    stall_s = STALL_S
    most = MOST_CONNECTIONS
    counted: Callable[[str], Any] = staticmethod(lambda code: None)

    _head: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            self._close("too-many-connections")
            return
        held: socket.socket | None = transport.get_extra_info("socket")
        if held is not None and hasattr(socket, "TCP_USER_TIMEOUT") and held.family != socket.AF_UNIX:
            # A peer that vanished without a word acknowledges nothing: let the kernel notice.
            held.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(self.stall_s * 1e3))
        self._await_head()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._head = _off(self._head)
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head, self._stall = _off(self._head), _off(self._stall)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is refused like everything else, as problem details."""
        answer = problem_response(400, "not-http", f"{msg} Use an HTTP client, and http:// in the address.")
        headers = [*answer.raw_headers, (b"connection", b"close")]
        for event in (
            h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
            h11.Data(data=bytes(answer.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall = self.loop.call_later(self.stall_s, self._close, "slow-reader")

    def resume_writing(self) -> None:
        self._stall = _off(self._stall)
        super().resume_writing()

    def _await_head(self) -> None:
        if self._head is None:  # not begun anew with every byte, or a drip would keep it open
            self._head = self.loop.call_later(self.head_s, self._close, "slow-request")

    def _close(self, code: str) -> None:
        self._head, self._stall = _off(self._head), _off(self._stall)
        if not self.transport.is_closing():
            self.counted(code)
            # What a stalled reader has not taken would keep a closing connection open for ever.
            self.transport.abort() if code == "slow-reader" else self.transport.close()


def _off(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
