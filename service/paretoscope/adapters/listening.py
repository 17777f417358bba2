"""Listening sockets that the supervising process holds for its children: a part that is started again is only
late, never absent. Whoever connects meanwhile waits in the kernel's queue.
"""

from __future__ import annotations

import errno
import os
import socket
import time

from paretoscope.errors import AddressInUse, BadParameters

API_SOCKET = "PARETOSCOPE_API_SOCKET"
BRIDGE_SOCKET = "PARETOSCOPE_BRIDGE_SOCKET"
"""File descriptors of such sockets, told to the children."""
BRIDGE_PULSE = "PARETOSCOPE_BRIDGE_PULSE"
"""And of a pipe by which the bridge says that it lives."""
BRIDGE_HERE = "PARETOSCOPE_BRIDGE_HERE"
"""Set for the children of a service that runs a bridge: without one it is not ready."""
BACKLOG = 512
"""Connections that wait while a part is started again; the kernel may allow fewer."""


def for_http(host: str, port: int, patience_s: float = 0.0) -> socket.socket:
    """Bound, not yet listening; port 0 takes a free one. Raises AddressInUse after `patience_s`."""
    try:
        return _bound(host, port, patience_s)
    except OSError as error:
        raise AddressInUse(
            hint=f"{host}:{port} cannot be taken for the API ({error.strerror}): another program holds it. "
            "Choose another port with --port or PARETOSCOPE_HTTP_PORT (0 = any free one)."
        ) from error


def for_frames(address: str, patience_s: float = 0.0) -> socket.socket:
    """Listening on a ``tcp://`` address of ZeroMQ's, as the bridge's ROUTER needs it.

    Raises AddressInUse after `patience_s`, BadParameters for an address that is not of this machine.
    """
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    host = {"*": "0.0.0.0"}.get(host, host.strip("[]"))
    port = {"*": "0"}.get(port, port)
    if not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise BadParameters("bad-address", hint=f"{address!r} has no port; write tcp://127.0.0.1:5555.")
    try:
        listening = _bound(host, int(port), patience_s)
        listening.setblocking(False)  # ZeroMQ's thread must never be held by a caller that left the queue.
        listening.listen(BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise AddressInUse(
                hint=f"Another program listens on {address}. Stop it, or set PARETOSCOPE_FRAMES to a free "
                "port."
            ) from error
        hint = f"Cannot listen on {address}: {error.strerror}."
        raise BadParameters("bad-address", hint=hint) from error
    return listening


def written(listening: socket.socket) -> str:
    """Its address as ZeroMQ writes it."""
    host, port = listening.getsockname()[:2]
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def inherited(variable: str) -> int | None:
    """The descriptor that the parent passed on under this name."""
    given = os.environ.get(variable)
    return int(given) if given else None


def _bound(host: str, port: int, patience_s: float) -> socket.socket:
    """Raises OSError: at once, but for an address in use, whose holder may be just about to end."""
    until = time.monotonic() + patience_s
    while True:
        # Named as TCP, or asyncio leaves Nagle's algorithm on and small answers wait 40 ms for an ACK.
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            bound.bind((host, port))
        except OSError as error:
            bound.close()
            if error.errno != errno.EADDRINUSE or time.monotonic() >= until:
                raise
            time.sleep(0.05)
        else:
            return bound
