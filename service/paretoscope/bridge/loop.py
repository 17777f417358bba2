"""The bridge's socket: one ROUTER, one thread, every message answered; nothing a peer sends can end it."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import zmq
from zmq.utils.monitor import recv_monitor_message

from paretoscope.bridge.holds import NOBODY
from paretoscope.bridge.reception import STORE_PAUSE_S, Reception
from paretoscope.bridge.security import Gate, check_address
from paretoscope.bridge.session import Session
from paretoscope.bridge.stores import FrameStore
from paretoscope.bridge.tally import Tally
from paretoscope.contract.frame import MAX_FRAME_BYTES
from paretoscope.contract.wire import Reply, encode
from paretoscope.errors import AddressInUse, BadParameters

log = logging.getLogger(__name__)

POLL_MS = 100
"""How soon a stop is noticed."""
FLUSH_S = 0.25
PULSE_S = 1.0
BEAT_S = 2.0
"""How often the store is told that a bridge is there."""
MESSAGES_PER_TURN = 64
FRAMES_WAITING, REPLIES_WAITING = 8, 1000
"""Messages held per peer before it is held back, and answers held before they are dropped and counted."""
HEARTBEAT_MS, HEARTBEAT_LIMIT_MS = 2000, 6000
HANDSHAKE_MS = 5000
LOOK_AT_KEYS_S = 1.0
_FAILED_HANDSHAKES: dict[int, str] = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "bridge:handshake-failed",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "bridge:handshake-failed",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "bridge:handshake-refused",
}


class BridgeSettings(Protocol):
    @property
    def frames(self) -> str:
        """Address to listen on; port 0 takes any free one."""
        ...


class Bridge:
    """Takes frames off the wire into the store.

    ``bind`` may be called before ``run`` to learn the address; otherwise ``run`` does it.
    """

    def __init__(
        self,
        store: FrameStore,
        settings: BridgeSettings,
        *,
        descriptor: int | None = None,
        pulse: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        utc_now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """descriptor: of a listening TCP socket to serve, in place of binding `settings.frames`; it is closed
        with the bridge. pulse: of a pipe for signs of life to the process that watches this one."""
        self._settings = settings
        self._descriptor = descriptor
        self._pulse = pulse
        self._next_pulse_s = clock()
        self._keys: Path | None = getattr(settings, "frames_keys", None)
        self._clock = clock
        self._tally = Tally(
            store, lambda: utc_now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        )
        self._reception = Reception(store, Session(), self._tally, clock, utc_now)
        self._context: zmq.Context | None = None
        self._socket: zmq.Socket | None = None
        self._monitor: zmq.Socket | None = None
        self._gate: Gate | None = None
        self.address = ""
        """Where it listens, once bound."""

    @property
    def counters(self) -> dict[str, int]:
        """What was counted since the start: faults by code, duplicates, failed handshakes, ..."""
        return dict(self._tally.total)

    def bind(self) -> str:
        """Open the socket; returns its address.

        Raises AddressInUse, or BadParameters for an address that is none or needs keys.
        """
        check_address(self._settings.frames, self._keys)
        self._context = zmq.Context()
        try:
            self._socket = self._open(self._context)
        except BaseException:
            self.close()
            raise
        self.address = self._socket.getsockopt_string(zmq.LAST_ENDPOINT)
        log.info("frames are taken at %s", self.address)
        return self.address

    def run(self, stop: threading.Event) -> None:
        """Answer messages until `stop` is set, then close."""
        if self._socket is None:
            self.bind()
        assert self._socket is not None
        assert self._monitor is not None
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._monitor, zmq.POLLIN)
        next_flush_s = next_look_s = next_beat_s = self._clock()
        try:
            while not stop.is_set():
                self._live()
                ready = dict(poller.poll(POLL_MS))
                if self._monitor in ready:
                    self._read_monitor(self._monitor)
                if self._socket in ready:
                    self._answer_some(self._socket)
                self._reception.tick()
                if self._gate is not None and self._clock() >= next_look_s:
                    self._gate.refresh()
                    next_look_s = self._clock() + LOOK_AT_KEYS_S
                if self._clock() >= next_beat_s:
                    self._tally.beat(self.address, self._reception.contested())
                    next_beat_s = self._clock() + BEAT_S
                if self._tally.waiting and self._clock() >= next_flush_s:
                    written = self._tally.flush()
                    next_flush_s = self._clock() + (FLUSH_S if written else STORE_PAUSE_S)
            self._tally.flush()
        finally:
            self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.disable_monitor()
            self._socket.close(linger=200)
        if self._monitor is not None:
            self._monitor.close(linger=0)
        if self._gate is not None:
            self._gate.close()
        if self._context is not None:
            self._context.term()
        self._context = self._socket = self._monitor = self._gate = None

    def _open(self, context: zmq.Context) -> zmq.Socket:
        socket = context.socket(zmq.ROUTER)
        self._socket = socket
        # All of this must be set before bind.
        socket.setsockopt(zmq.RCVHWM, FRAMES_WAITING)
        socket.setsockopt(zmq.SNDHWM, REPLIES_WAITING)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME_BYTES)  # a larger part ends the connection unallocated
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)  # an answer to a peer that has gone is counted, not lost
        socket.setsockopt(zmq.ROUTER_HANDOVER, 1)  # a peer that returns under its name is the living one
        socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_LIMIT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TTL, HEARTBEAT_LIMIT_MS)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        socket.setsockopt(zmq.LINGER, 200)
        if self._descriptor is not None:
            socket.setsockopt(zmq.USE_FD, self._descriptor)
        if "[" in self._settings.frames:
            socket.setsockopt(zmq.IPV6, 1)
        if self._keys is not None:
            self._gate = Gate(context, socket, self._keys)
        self._monitor = socket.get_monitor_socket(
            sum(map(int, [*_FAILED_HANDSHAKES, zmq.EVENT_DISCONNECTED]))
        )
        try:
            socket.bind(self._settings.frames)
        except zmq.ZMQError as error:
            raise _bind_error(self._settings.frames, error) from error
        return socket

    def _answer_some(self, socket: zmq.Socket) -> None:
        for _ in range(MESSAGES_PER_TURN):
            try:
                identity, *frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            parts = [memoryview(frame.buffer) for frame in frames]
            self._live()
            self._reply(socket, identity.bytes, self._reception.answer(parts, _line(identity)))

    def _live(self) -> None:
        """A sign of life each second, also while every message waits for a store that hangs."""
        if self._pulse is not None and self._clock() >= self._next_pulse_s:
            self._next_pulse_s = self._clock() + PULSE_S
            with contextlib.suppress(OSError):  # Nobody reads: then nobody watches.
                os.write(self._pulse, b".")

    def _reply(self, socket: zmq.Socket, identity: bytes, reply: Reply) -> None:
        try:
            socket.send_multipart([identity, encode(reply)], zmq.NOBLOCK)
        except zmq.Again:
            self._tally.count("bridge:reply-held-back")
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._tally.count("bridge:reply-unreachable")

    def _read_monitor(self, monitor: zmq.Socket) -> None:
        """Port scans and strangers: counted. Connections that ended: whoever waits may go on."""
        for _ in range(MESSAGES_PER_TURN):
            try:
                told = recv_monitor_message(monitor, zmq.NOBLOCK)
            except zmq.Again:
                return
            if told["event"] in _FAILED_HANDSHAKES:
                self._tally.count(_FAILED_HANDSHAKES[told["event"]])
            else:
                self._reception.gone(told["value"])


def _line(part: zmq.Frame) -> int:
    """Number of the connection over which it came: its descriptor, as the monitor tells it."""
    try:
        return int(part.get(zmq.SRCFD))
    except (zmq.ZMQError, TypeError):
        return NOBODY


def _bind_error(address: str, error: zmq.ZMQError) -> Exception:
    if error.errno == zmq.EADDRINUSE:
        return AddressInUse(
            hint=f"Another program listens on {address}. Stop it, or set PARETOSCOPE_FRAMES to a free port."
        )
    return BadParameters("bad-address", hint=f"Cannot listen on {address}: {error.strerror}.")
