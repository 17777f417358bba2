"""Whether there is room for more: watches the disk under the embedded store, and tells the server.

    the disk                                   the server
    has its reserve free                       takes everything; flushes as `durability` says
    has less                                   takes nothing new ('disk-full'), finishes what it has
    is full: the server could not write        ended (it answers for nothing it cannot keep) and started anew,
                                               to take nothing new until there is the reserve

"Takes nothing new" is a memory limit of one byte: commands that add are refused for every client at once,
while scripts that finish what is there (`EVEN_FULL`) and all that read go on.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path

import redis
import structlog

from paretoscope.adapters.store.lua import CLOSED
from paretoscope.settings import MIB, Limits

log = structlog.get_logger(__name__)

LOOK_S = 0.25
COULD_NOT_WRITE = 1
"""Exit code of a server that could not write its file."""


class Room:
    def __init__(self, url: str, folder: Path, durability: str, limits: Limits) -> None:
        self._url = url
        self._folder = folder
        self._durability = durability
        self._reserve = limits.disk_reserve_mb * MIB
        self._memory = limits.store_mb * MIB
        self._short = False
        self._could_not_write = False
        self._told: dict[str, str] = {}
        """What the server was last told."""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="room", daemon=True)

    def options(self) -> dict[str, str]:
        """For the server that is about to start."""
        with contextlib.suppress(OSError):  # A folder that is gone is the server's to complain about.
            self._look()
        self._told = self._wanted(rewrite=True)
        return self._told

    def died(self, code: int) -> None:
        """A server that could not write is not to end at its next write too."""
        self._could_not_write = code == COULD_NOT_WRITE

    def start(self) -> Room:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _look(self) -> int:
        """Free bytes on the disk."""
        free = shutil.disk_usage(self._folder).free
        # Closed below the reserve, open again a quarter above it: not in turns with every frame.
        short = free < self._reserve * (1.25 if self._short else 1.0)
        if short != self._short:
            log.warning(
                "the disk is nearly full" if short else "the disk has room again", free_mib=free // MIB
            )
        self._short = short
        return free

    def _wanted(self, rewrite: bool) -> dict[str, str]:
        closed = self._short or self._could_not_write
        return {
            "appendfsync": "everysec" if self._could_not_write else self._durability,
            "maxmemory": str(CLOSED if closed else self._memory),
            # A rewrite needs the room of a second file; begun without, it would fill the disk and fail.
            "auto-aof-rewrite-percentage": "100" if rewrite else "0",
        }

    def _run(self) -> None:
        with redis.Redis.from_url(self._url, socket_timeout=5.0, protocol=2) as server:
            while not self._stop.wait(LOOK_S):
                try:
                    self._tell(server)
                except (redis.RedisError, OSError) as error:
                    log.debug("the store is not told how much room there is", error=str(error))

    def _tell(self, server: redis.Redis) -> None:
        free = self._look()
        if self._could_not_write and not self._short:
            kept: dict[str, object] = server.info("persistence")  # type: ignore[assignment]
            self._could_not_write = kept["aof_last_write_status"] != "ok"
        used: dict[str, int] = server.info("memory")  # type: ignore[assignment]
        wanted = self._wanted(rewrite=free > used["used_memory"] + self._reserve)
        # The flush first: nothing may be taken before it is what it should be.
        for name, value in wanted.items():
            if self._told.get(name) != value:
                server.config_set(name, value)
                self._told = self._told | {name: value}
