"""Whether the service's ports are free, and when they are not, who holds them: the holder is asked."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import zmq

from paretoscope.contract import Heartbeat
from paretoscope.contract.wire import decode_reply, encode
from paretoscope.errors import ParetoscopeError

if TYPE_CHECKING:
    from paretoscope.settings import Settings

ANSWER_S = 10.0
"""Both answer within milliseconds once they run; the API holds its port for seconds before it does."""


def ports(settings: Settings, answer_s: float = ANSWER_S) -> Iterator[tuple[bool, str, str]]:
    """(fine, what, found) of the API's port and of the frames' port; a holder has `answer_s` to answer."""
    host, port = settings.http_host, settings.http_port
    taken = _taken(host, port)
    if taken is None:
        yield True, "port for API", f"{host}:{port} is free"
    elif (told := _paretoscope(host, port, answer_s)) is not None:
        yield True, "port for API", f"{host}:{port} is held by Paretoscope {told}"
    else:
        yield False, "port for API", _foreign(f"{host}:{port}", taken, "PARETOSCOPE_HTTP_PORT")
    scheme, _, rest = settings.frames.partition("://")
    host, _, digits = rest.rpartition(":")
    if scheme != "tcp" or not digits.isdigit():
        return
    host = {"*": "0.0.0.0"}.get(host, host.strip("[]"))
    taken = _taken(host, int(digits))
    if taken is None:
        yield True, "port for frames", f"{rest} is free"
    elif settings.frames_keys is not None:
        yield True, "port for frames", f"{rest} is in use; with keys asked for, the holder cannot be asked"
    elif _bridge_answers(_reachable(host), int(digits), answer_s):
        yield True, "port for frames", f"{rest} is held by a bridge of Paretoscope"
    else:
        yield False, "port for frames", _foreign(rest, taken, "PARETOSCOPE_FRAMES")


def _foreign(address: str, taken: str, setting: str) -> str:
    return f"{address}: {taken}, by another program or a service that hangs; free it or set {setting}"


def _taken(host: str, port: int) -> str | None:
    """Why the port cannot be had; None where it can."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return os.strerror(error.errno) if error.errno else str(error)
    return None


def _reachable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


def _paretoscope(host: str, port: int, answer_s: float) -> str | None:
    """The version of the Paretoscope that answers there."""
    name = _reachable(host)
    try:
        answer = httpx.get(
            f"http://{f'[{name}]' if ':' in name else name}:{port}/version",
            timeout=answer_s,
            trust_env=False,
            headers={"Host": "localhost"},
        )
        told = answer.json()
        if answer.status_code == 401 and told["code"] == "key-needed":
            return "(it asks for a key)"
        return str(told["version"]) if {"version", "contract", "api"} <= set(told) else None
    except (httpx.HTTPError, httpx.InvalidURL, ValueError, TypeError, KeyError):
        return None


def _bridge_answers(host: str, port: int, answer_s: float) -> bool:
    """Whether a heartbeat comes back."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as asking:
        asking.linger = 0
        asking.connect(f"tcp://{f'[{host}]' if ':' in host else host}:{port}")
        asking.send(encode(Heartbeat(monotonic_ns=1)))
        if not asking.poll(round(answer_s * 1e3)):
            return False
        try:
            return isinstance(decode_reply(asking.recv_multipart()), Heartbeat)
        except ParetoscopeError:
            return False
