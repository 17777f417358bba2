"""A service spread over hosts of a ``Network``: the store on one, bridge, API and a worker on another, ...

    store ────────┐
    alpha ────────┤ switch     alpha: bridge, API and a worker;  beta: a worker
    beta ─────────┤            instrument: a sender with a key of its own
    instrument ───┘

To be used inside ``in_a_world_of_its_own`` only.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from chaos._network import Network
from chaos.stage import until
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.keys import GROUP, WORK
from paretoscope.adapters.store.launch import server_binary
from paretoscope.bridge.security import make_keys
from paretoscope.settings import Limits

STORE, ALPHA, BETA, INSTRUMENT = "store", "alpha", "beta", "instrument"


@dataclass
class Site:
    """What runs on the hosts; has what ``Traffic`` and ``Watch`` want of a service."""

    claim_idle_s: float
    network: Network = field(init=False)
    folder: Path = field(init=False)
    frames: str = field(init=False)
    started: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.network = Network(STORE, ALPHA, BETA, INSTRUMENT)
        self.folder = self.network.files
        self._password = secrets.token_urlsafe(24)
        self._socket = self.folder / "store.sock"
        self.frames = f"tcp://{self.network.address(ALPHA)}:5555"
        self.keys = self.folder / "frames-keys"
        (secret,) = make_keys(self.keys, INSTRUMENT)
        self.sender_keys = (secret, self.keys / "bridge.key")

    def environment(self, host: str) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PARETOSCOPE_")}
        address = self.network.address(host)
        told = {
            "DATA": str(self.folder / host),
            "FRAMES": self.frames,
            "FRAMES_KEYS": str(self.keys),
            "HTTP_HOST": address,
            "HTTP_HOSTS": json.dumps([address]),
            "HTTP_PORT": "8000",
            "INSTRUMENTS__ENABLED": "false",
            "LIMITS__CLAIM_IDLE_S": str(self.claim_idle_s),
            "LOG_LEVEL": "warning",
        }
        return kept | {
            "PYTHONPATH": os.pathsep.join(sys.path),
            "REDIS_URL": f"redis://:{self._password}@{self.network.address(STORE)}:6379/0",
            **{f"PARETOSCOPE_{name}": value for name, value in told.items()},
        }

    def start(self) -> None:
        """Store first, then bridge, API and a worker on alpha, a worker on beta; wait for all of them."""
        options = {
            "bind": self.network.address(STORE),
            "port": "6379",
            "requirepass": self._password,
            "unixsocket": str(self._socket),
            "dir": str(self.folder),
            "appendonly": "yes",
            "appendfsync": "always",
            "save": "",
        }
        server = [
            str(server_binary()),
            *[part for name, value in options.items() for part in (f"--{name}", value)],
        ]
        self._run(STORE, server)
        until(self._socket.exists, "the store's socket")
        program = [sys.executable, "-m", "paretoscope"]
        keys = [*program, "keys", "make", "--name", "operator"]
        self._run(ALPHA, keys).wait(60)
        self._run(ALPHA, [*program, "serve"])
        self._run(BETA, [*program, "worker"])
        with self.store() as store:
            until(lambda: {ALPHA, BETA} <= ready_hosts(store), "both workers to be ready", 120.0, 0.1)
            until(lambda: store.bridge() is not None, "the bridge")

    def _run(self, host: str, command: list[str]) -> subprocess.Popen[bytes]:
        running = self.network.start(host, command, self.environment(host), self.folder / f"{host}.log")
        self.started.append(running)
        return running

    def store(self) -> Store:
        """By the store's own unix socket, which no cut reaches."""
        return Store.open(
            f"unix://{self._socket}?password={self._password}", Limits(claim_idle_s=self.claim_idle_s)
        )

    def stop(self) -> None:
        for one in reversed(self.started):
            one.terminate()
        for one in reversed(self.started):
            try:
                one.wait(15)
            except subprocess.TimeoutExpired:
                one.kill()

    def said(self) -> str:
        """What the hosts' programs complained about."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"{log.name}: {log.read_text(errors='replace')[-1500:]}" for log in logs)


def host_of(consumer: str) -> str:
    """A worker's name begins with its host's."""
    return consumer.partition("-")[0]


def ready_hosts(store: Store) -> set[str]:
    return {host_of(one.consumer) for one in store.workers() if one.state in ("ready", "working")}


def held_by(store: Store) -> dict[str, str]:
    """Host -> the frame its worker holds now."""
    held: dict[str, str] = {}
    for one in store._redis.xpending_range(WORK, GROUP, "-", "+", 100):  # type: ignore[union-attr]
        entry = store._redis.xrange(WORK, one["message_id"], one["message_id"])
        if entry:
            held[host_of(one["consumer"].decode())] = entry[0][1][b"frame"].decode()  # type: ignore[index]
    return held
