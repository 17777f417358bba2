"""The wire to the store: one client for short commands, one for waiting, and errors in our own terms."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import redis
from redis import exceptions
from redis.backoff import NoBackoff
from redis.retry import Retry

from paretoscope.adapters.store.lua import CLOSED, EVEN_FULL
from paretoscope.errors import BadParameters, Busy, ParetoscopeError, StoreDown
from paretoscope.settings import Limits

ONE_COMMAND = EVEN_FULL + "return redis.call(unpack(ARGV))"
LONGEST_BLOCK_S = 30.0
COMMAND_TIMEOUT_S = 5.0
"""A store that hangs for longer counts as down; senders take a bridge that is silent for 6 s for gone."""

DISK_FULL = (
    "The disk under the store is full, or nearly: free some of it. Nothing new is taken meanwhile; what was "
    "taken is kept, and it goes on by itself."
)


def without_secrets(url: str) -> str:
    """An address that may be shown: no user, password or options."""
    scheme, _, rest = url.partition("?")[0].rpartition("://")
    return f"{scheme}://***@{rest.rpartition('@')[2]}" if "@" in rest else f"{scheme}://{rest}"


P = ParamSpec("P")
R = TypeVar("R")


def utc_now() -> datetime:
    return datetime.now(UTC)


def _read_boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


_BOOT = _read_boot()


def uptime() -> tuple[str, float]:
    """(which machine since which start, ms since then): a clock that nobody sets, the same for all processes.

    ("", 0) where there is none.
    """
    if not _BOOT or not hasattr(time, "CLOCK_BOOTTIME"):
        return "", 0.0
    return _BOOT, time.clock_gettime(time.CLOCK_BOOTTIME) * 1e3


def utc_text(at: datetime) -> str:
    """'2026-11-21T09:30:00.123456Z'."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _translated(error: redis.RedisError) -> ParetoscopeError:
    text = str(error)
    if text.startswith("MISCONF"):
        return StoreDown("disk-full", hint=DISK_FULL)
    if isinstance(error, exceptions.AuthenticationError):
        return StoreDown(
            "store-refused", hint=f"The store refused us ({text}): check user and password in REDIS_URL."
        )
    if isinstance(error, redis.ConnectionError | redis.TimeoutError | exceptions.BusyLoadingError):
        return StoreDown(
            hint=f"The store does not answer ({text}). It is asked again; check REDIS_URL or the disk."
        )
    return StoreDown(
        "store-refused", hint=f"The store refused a command: {text}. A full disk or a read-only copy?"
    )


def _full(asked: object) -> ParetoscopeError:
    """Why nothing new was taken."""
    try:
        if isinstance(asked, Link) and asked._closed():
            return Busy("disk-full", hint=DISK_FULL)
    except redis.RedisError as error:
        return _translated(error)
    return Busy(
        "store-full",
        hint="The store has no memory left, and no worked frame to forget: add workers, or raise "
        "limits.store_mb (of a remote store: maxmemory).",
    )


def translated(method: Callable[P, R]) -> Callable[P, R]:
    """Let no foreign exception pass: redis errors become StoreDown or Busy."""

    @functools.wraps(method)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except exceptions.OutOfMemoryError as error:
            raise _full(args[0]) from error
        except redis.RedisError as error:
            raise _translated(error) from error

    return guarded


class Link:
    """Two thread-safe clients of one server.

    A broken connection is opened anew by the next command; no command is repeated behind the caller's back,
    because only the caller knows whether that is harmless.
    """

    def __init__(
        self,
        url: str,
        limits: Limits | None = None,
        *,
        clock: Callable[[], datetime] = utc_now,
        uptime: Callable[[], tuple[str, float]] = uptime,
        claim_idle_s: float | None = None,
    ) -> None:
        """url: redis://, rediss:// or unix://. claim_idle_s: how long a worker may stay silent about a frame
        before another one takes it over; ``limits.claim_idle_s`` when None."""
        self.url = url
        self.limits = limits or Limits()
        self.claim_idle_s = self.limits.claim_idle_s if claim_idle_s is None else claim_idle_s
        self._clock = clock
        self._uptime = uptime
        self._scripts: dict[str, Any] = {}
        self._resumed: set[tuple[str, str]] = set()
        try:
            self._redis = self._client(url, COMMAND_TIMEOUT_S)
            self._blocking = self._client(url, LONGEST_BLOCK_S + COMMAND_TIMEOUT_S)
        except ValueError as error:
            raise BadParameters("bad-settings", hint=f"REDIS_URL {without_secrets(url)!r}: {error}") from None

    @staticmethod
    def _client(url: str, timeout_s: float) -> redis.Redis:
        return redis.Redis.from_url(
            url,
            socket_timeout=timeout_s,
            socket_connect_timeout=COMMAND_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
            protocol=2,
        )

    def _run(self, script: str, keys: list[str], args: list[Any]) -> Any:
        """Run a Lua script: all of it or nothing, seen by others at once."""
        if script not in self._scripts:
            self._scripts[script] = self._redis.register_script(script)
        return self._scripts[script](keys=keys, args=args)

    def _closed(self) -> bool:
        """Whether the embedded store takes nothing new, because its disk is full."""
        return cast("dict[str, int]", self._redis.info("memory")).get("maxmemory") == CLOSED

    def _even_full(self, *command: Any) -> Any:
        """Run one small command also when the store takes nothing new."""
        return self._run(ONE_COMMAND, [], list(command))

    def _now_text(self) -> str:
        return utc_text(self._clock())

    def close(self) -> None:
        self._redis.close()
        self._blocking.close()
