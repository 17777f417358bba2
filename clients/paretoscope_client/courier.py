"""The thread that owns the sender's socket: letters out, replies in, heartbeats in between."""

from __future__ import annotations

import contextlib
import logging
import socket as system_socket
import threading
from collections.abc import Callable
from pathlib import Path

import zmq
import zmq.auth
from zmq.utils.monitor import recv_monitor_message

from paretoscope.contract import BusyNotice, Fault, Heartbeat
from paretoscope.contract.wire import OF_ROWS, decode_reply, encode, minor_of
from paretoscope.errors import BadInput, BadParameters, Incompatible
from paretoscope_client.lane import Slip
from paretoscope_client.outbox import TAKEN, Letter, Outbox

log = logging.getLogger(__name__)

IDLE_S = 1.0
MAX_REPLY_BYTES = 64 * 1024
RECONNECT_MS, MAX_RECONNECT_MS = 50, 1000
HEARTBEAT_MS, HEARTBEAT_LIMIT_MS = 2000, 6000


class Courier:
    """Starts its thread at once; ``stop`` ends it. Everything in `outbox` is touched under `room` only."""

    def __init__(
        self,
        url: str,
        stream: str,
        outbox: Outbox,
        room: threading.Condition,
        clock: Callable[[], float],
        heartbeat_s: float,
        keys: tuple[Path, Path] | None = None,
    ) -> None:
        """Raises BadParameters for an address or keys that cannot be used."""
        self._url = url
        self._outbox = outbox
        self._room = room
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._beat = encode(Heartbeat(stream=stream))
        self._certificates = None if keys is None else _certificates(keys)
        self._stopping = False
        self.connected = False
        self._next_beat_s = clock()
        self._context = zmq.Context()
        try:
            self._socket, self._monitor = self._open()
        except zmq.ZMQError as error:
            self._context.destroy(linger=0)
            raise BadParameters("bad-address", hint=f"Cannot send to {url!r}: {error.strerror}.") from error
        self._bell, self._listener = system_socket.socketpair()
        self._bell.setblocking(False)
        self._listener.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"paretoscope-sender-{stream}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was queued; may be called from any thread."""
        # A full pipe means that the thread has not read the last calls yet, and is awake anyway.
        with contextlib.suppress(BlockingIOError, OSError):
            self._bell.send(b"!")

    def stop(self) -> None:
        self._stopping = True
        self.wake()
        self._thread.join()
        self._bell.close()
        self._listener.close()

    def _open(self) -> tuple[zmq.Socket, zmq.Socket]:
        socket = self._context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.IMMEDIATE, 1)  # nothing queues behind a connection that is not there
        socket.setsockopt(zmq.SNDHWM, 2)
        socket.setsockopt(zmq.MAXMSGSIZE, MAX_REPLY_BYTES)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, MAX_RECONNECT_MS)
        socket.setsockopt(zmq.HEARTBEAT_IVL, HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_LIMIT_MS)
        if "[" in self._url:
            socket.setsockopt(zmq.IPV6, 1)
        if self._certificates is not None:
            socket.curve_publickey, socket.curve_secretkey, socket.curve_serverkey = self._certificates
        monitor = socket.get_monitor_socket(int(zmq.EVENT_HANDSHAKE_SUCCEEDED) + int(zmq.EVENT_DISCONNECTED))
        socket.connect(self._url)
        return socket, monitor

    def _close(self) -> None:
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)
        self.connected = False

    def _run(self) -> None:
        try:
            while not self._stopping:
                now_s = self._clock()
                with self._room:
                    overdue = self._outbox.expired(now_s)
                    slip = self._outbox.next_rows()
                    letter = self._outbox.next(now_s)
                    wake_s = self._outbox.wake_s(now_s)
                    idle = len(self._outbox) == 0 or self._outbox.lane.curious
                if overdue:
                    # What the old connection still holds must not arrive behind what is sent again.
                    self._close()
                    self._socket, self._monitor = self._open()
                due = now_s >= self._next_beat_s
                beat = due and idle and self.connected
                ready = self._poll(
                    slip is not None or letter is not None or beat,
                    min(wake_s, self._next_beat_s, now_s + IDLE_S) - now_s,
                )
                if zmq.POLLIN & ready:
                    self._read_replies()
                can_send = bool(zmq.POLLOUT & ready)
                if can_send and slip is not None:
                    self._send_rows(slip)
                elif can_send and letter is not None and self._send(letter):
                    self._next_beat_s = self._clock() + self._heartbeat_s
                elif can_send and beat:
                    with contextlib.suppress(zmq.Again):
                        self._socket.send(self._beat, zmq.NOBLOCK)
                    self._next_beat_s = self._clock() + self._heartbeat_s
                elif due:
                    self._next_beat_s = self._clock() + self._heartbeat_s
        finally:
            self._close()
            self._context.term()

    def _poll(self, want_to_send: bool, wait_s: float) -> int:
        """Wait for something to do; returns the socket's events."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if want_to_send else 0))
        poller.register(self._monitor, zmq.POLLIN)
        poller.register(self._listener, zmq.POLLIN)
        ready = dict(poller.poll(max(0, int(wait_s * 1000) + 1)))
        if self._listener.fileno() in ready or self._listener in ready:
            with contextlib.suppress(BlockingIOError):
                self._listener.recv(4096)
        if self._monitor in ready:
            self._read_monitor()
        return ready.get(self._socket, 0)

    def _send(self, letter: Letter) -> bool:
        by_rows, parts = letter.by_rows, letter.parts
        with self._room:
            if self._outbox.next(self._clock()) is not letter or letter.by_rows != by_rows:
                return False  # dropped, overtaken or to go whole after all, while we waited for the socket
            try:
                self._socket.send_multipart(parts, zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return False
            self._outbox.sent(letter, self._clock())
            self._room.notify_all()
        return True

    def _send_rows(self, slip: Slip) -> None:
        with self._room, contextlib.suppress(zmq.Again):
            if self._outbox.next_rows() is slip:
                self._socket.send_multipart(slip.parts, zmq.NOBLOCK, copy=False)
                self._outbox.lane.sent(slip)

    def _read_replies(self) -> None:
        while True:
            try:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                reply, minor = decode_reply(parts), minor_of(parts)
            except (BadInput, Incompatible) as error:
                log.warning("the bridge at %s answered what cannot be read: %s", self._url, error)
                with self._room:
                    self._outbox.counts["unreadable"] += 1
                continue
            if isinstance(reply, Fault):
                level = logging.INFO if reply.about in OF_ROWS else logging.WARNING
                log.log(level, "the bridge refused frame %s: %s: %s", reply.sequence, reply.code, reply.hint)
            if isinstance(reply, BusyNotice) and reply.code == TAKEN and self._outbox.held_up != TAKEN:
                log.warning("the bridge at %s takes no frames: %s", self._url, reply.hint)
            with self._room:
                self._outbox.lane.spoken = minor
                self._outbox.on_reply(reply, self._clock())
                self._room.notify_all()

    def _read_monitor(self) -> None:
        while True:
            try:
                event = recv_monitor_message(self._monitor, zmq.NOBLOCK)["event"]
            except zmq.Again:
                return
            self.connected = event == zmq.EVENT_HANDSHAKE_SUCCEEDED
            self._next_beat_s = self._clock()  # to hear at once what the bridge speaks
            if event == zmq.EVENT_DISCONNECTED:
                with self._room:
                    self._outbox.lost_connection()


def _certificates(keys: tuple[Path, Path]) -> tuple[bytes, bytes, bytes]:
    """(public key, secret key, the bridge's public key)."""
    client, bridge = keys
    try:
        public_key, secret_key = zmq.auth.load_certificate(client)
        server_key, _ = zmq.auth.load_certificate(bridge)
    except (OSError, ValueError) as error:
        raise BadParameters("keys-unreadable", hint=f"Cannot read the keys: {error}.") from error
    if secret_key is None:
        raise BadParameters(
            "keys-unreadable", hint=f"{client} holds no secret key; give the .key_secret file."
        )
    return public_key, secret_key, server_key
