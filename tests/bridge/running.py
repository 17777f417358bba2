"""A bridge on a free port in a thread, and the barest client there can be."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import numpy as np
import zmq

from paretoscope.bridge import Bridge


@dataclass(frozen=True)
class Listening:
    frames: str = "tcp://127.0.0.1:0"
    frames_keys: Path | None = None


@contextmanager
def running_bridge(store: Any, settings: Listening | None = None) -> Iterator[Bridge]:
    bridge = Bridge(store, settings or Listening())
    bridge.bind()
    stop = threading.Event()
    thread = threading.Thread(target=bridge.run, args=(stop,), name="bridge")
    thread.start()
    try:
        yield bridge
        assert thread.is_alive(), "the bridge died"
    finally:
        stop.set()
        thread.join(10)
        assert not thread.is_alive()


class BareClient:
    """A DEALER socket and msgpack; nothing of ours."""

    def __init__(self, address: str) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.connect(address)

    def __enter__(self) -> BareClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self.context.term()

    def send(self, *parts: bytes) -> None:
        self.socket.send_multipart(parts)

    def ask(self, *parts: bytes, timeout_s: float = 10.0) -> dict[str, Any]:
        self.send(*parts)
        return self.answer(timeout_s)

    def answer(self, timeout_s: float = 10.0) -> dict[str, Any]:
        assert self.socket.poll(int(timeout_s * 1000)), "no answer"
        parts = self.socket.recv_multipart()
        assert len(parts) == 1
        return msgpack.unpackb(parts[0])


def head(kind: str, **fields: Any) -> bytes:
    return msgpack.packb({"schema": "paretoscope", "version": [1, 0], "type": kind, **fields})


def frame(sequence: int, image: np.ndarray | None = None, **changes: Any) -> tuple[bytes, bytes]:
    if image is None:
        image = np.full((4, 6), sequence, "<u2")
    pixels = image.tobytes()
    fields = {
        "stream": "haadf",
        "epoch": "e1",
        "sequence": sequence,
        "shape": list(image.shape),
        "dtype": image.dtype.name,
        "nbytes": len(pixels),
        "crc32": zlib.crc32(pixels),
    } | changes
    return head("frame", **fields), pixels


def eventually(what: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """Wait until `what()` is true; its last value."""
    end = time.monotonic() + timeout_s
    while not (value := what()) and time.monotonic() < end:
        time.sleep(0.01)
    return value
