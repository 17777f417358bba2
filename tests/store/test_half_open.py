"""A store behind a wire that swallows everything and closes nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from paretoscope.adapters.store import Store, link
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.errors import StoreDown
from store.helpers import frame


class Wire:
    """TCP to the server's unix socket; ``cut`` connections stay open and pass nothing on."""

    def __init__(self, server: EmbeddedStore) -> None:
        self._path = server.url.removeprefix("unix://")
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._open: list[tuple[socket.socket, threading.Event]] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                near = self._listener.accept()[0]
                far = socket.socket(socket.AF_UNIX)
                far.connect(self._path)
                whole = threading.Event()
                whole.set()
                self._open += [(near, whole), (far, whole)]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(*pair, whole), daemon=True).start()
        except OSError:
            return

    def _pass_on(self, source: socket.socket, sink: socket.socket, whole: threading.Event) -> None:
        try:
            while data := source.recv(65536):
                if whole.is_set():
                    sink.sendall(data)
        except OSError:
            return

    def cut(self) -> None:
        for _, whole in self._open:
            whole.clear()

    def close(self) -> None:
        self._listener.close()
        for one, _ in self._open:
            one.close()


@pytest.fixture
def wire(server: EmbeddedStore, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    monkeypatch.setattr(link, "COMMAND_TIMEOUT_S", 0.8)
    with closing(Wire(server)) as wire:
        yield wire


@pytest.mark.timeout(20)
def test_a_worker_notices_a_connection_that_went_silent_and_makes_a_new_one(store: Store, wire: Wire) -> None:
    with Store.open(wire.url, claim_idle_s=60.0) as worker:
        assert worker.claim_frame("w", 0.01) is None
        wire.cut()
        with pytest.raises(StoreDown):
            worker.claim_frame("w", 0.5)
        store.put_frame(*frame(1))
        claim = worker.claim_frame("w", 0.5)
    assert claim is not None
    assert claim.header.sequence == 1


def test_a_worker_that_was_slow_to_begin_leaves_the_frame_to_whom_it_went_meanwhile(
    server: EmbeddedStore, store: Store
) -> None:
    """Its command may lie in a cut wire for long and arrive when the frame is somebody else's."""
    store.put_frame(*frame(1))
    others = []
    with Store.open(server.url, claim_idle_s=60.0) as slow:
        unfit = slow._drop_if_unfit

        def held_up(*args: str) -> bool:
            store.claim_idle_s = 0.0
            others.append(store.claim_frame("quick"))
            return unfit(*args)

        slow._drop_if_unfit = held_up
        assert slow.claim_frame("slow") is None
    (claim,) = others
    assert store.finish_frame(claim, [])
    assert store.counters().get("frames:fenced", 0) == 0
