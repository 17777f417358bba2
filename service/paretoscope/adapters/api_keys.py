"""API keys: a file of digests that the command line writes and the API reads again when it changes.

    token   ps_<key id>_<43 characters, 256 random bits>     shown once, kept by its owner
    page    <key id>.<HMAC-SHA256(token, "page")>            what a browser's cookie holds instead
    file    {"version": 1, "keys": [{id, name, scope, made_at, SHA-256 of token, SHA-256 of page}]}, mode 0600

A digest needs no salt and no stretching where 256 random bits stand behind it: there is nothing to guess. Who
reads the file learns no token and no cookie. The file's being there turns the keys on, even when the last
one was revoked: a door never opens because somebody was sent away, nor because the file is lost while we run.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import logging
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from paretoscope.adapters.reach import is_loopback
from paretoscope.contract.base import Name
from paretoscope.errors import BadParameters, NotFound, ParetoscopeError

log = logging.getLogger(__name__)

Scope = Literal["read", "choose", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "choose", "admin")
"""Each holds those before it."""
MOST_KEYS = 256
MOST_BYTES = 256 * 1024
_PAGE = b"page"


def holds(held: Scope, needed: Scope) -> bool:
    return SCOPES.index(held) >= SCOPES.index(needed)


class ApiKey(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, use_attribute_docstrings=True)

    key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{12}$")]
    """Public: part of the token, of the list and of the audit log."""
    name: Name
    """Whose it is."""
    scope: Scope
    made_at: str
    """UTC."""
    token_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    page_digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _File(BaseModel):
    version: Literal[1] = 1
    keys: Annotated[list[ApiKey], Field(max_length=MOST_KEYS)] = []


def page_secret(token: str) -> str:
    """What the cookie of a page holds: it opens the same door, and the token cannot be had from it."""
    return f"{_id_of(token)}.{hmac.new(token.encode(), _PAGE, hashlib.sha256).hexdigest()}"


def _id_of(token: str) -> str:
    return token[3:15]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _read(file: Path) -> _File:
    """Raises BadParameters for a file that others may read or that holds no keys of ours."""
    try:
        with file.open("rb") as opened:
            told = os.fstat(opened.fileno())
            if told.st_mode & (stat.S_IRWXG | stat.S_IRWXO) or told.st_uid not in (os.getuid(), 0):
                raise BadParameters(
                    "keys-exposed", hint=f"{file} may be read by others than its owner: chmod 600 {file}"
                )
            return _File.model_validate_json(opened.read(MOST_BYTES))
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "it holds something else"
        raise BadParameters("keys-unreadable", hint=f"The API keys {file} cannot be read: {why}.") from None


class KeyFile:
    """The writing side: one change at a time, each wholly or not at all."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def keys(self) -> list[ApiKey]:
        return _read(self.file).keys if self.file.exists() else []

    def make(self, name: str, scope: Scope) -> tuple[ApiKey, str]:
        """A new key and its token, which is kept nowhere. Raises BadParameters for a name that is taken."""
        token = f"ps_{secrets.token_hex(6)}_{secrets.token_urlsafe(32)}"
        made_at = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        try:
            key = ApiKey(
                key_id=_id_of(token),
                name=name,
                scope=scope,
                made_at=made_at,
                token_digest=_digest(token),
                page_digest=_digest(page_secret(token)),
            )
        except ValidationError:
            raise BadParameters(
                "bad-name", hint=f"{name[:80]!r} is no name: 1 to 64 letters, digits, '.', '_' or '-'."
            ) from None
        with self._changing() as held:
            if any(one.name == name for one in held):
                raise BadParameters(
                    "key-exists",
                    hint=f"There is a key named {name!r}: revoke it, or take another name.",
                )
            if len(held) >= MOST_KEYS:
                raise BadParameters("too-many-keys", hint=f"{MOST_KEYS} keys are the most; revoke some.")
            held.append(key)
        return key, token

    def revoke(self, name_or_id: str) -> ApiKey:
        """Take a key away. Raises NotFound."""
        with self._changing() as held:
            found = next((one for one in held if name_or_id in (one.name, one.key_id)), None)
            if found is None:
                known = ", ".join(one.name for one in held) or "there are none"
                raise NotFound("no-such-key", hint=f"There is no key {name_or_id[:80]!r}. Known: {known}.")
            held.remove(found)
        return found

    @contextmanager
    def _changing(self) -> Iterator[list[ApiKey]]:
        folder = self.file.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(folder / f".{self.file.name}.lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise BadParameters("bad-data-folder", hint=f"{folder}: {error.strerror}.") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            held = self.keys()
            yield held
            descriptor, new = tempfile.mkstemp(prefix=".api-keys", dir=folder)  # made with mode 0600
            with open(descriptor, "w", encoding="utf-8") as opened:
                opened.write(_File(keys=held).model_dump_json(indent=1))
                opened.flush()
                os.fsync(opened.fileno())
            os.replace(new, self.file)
        finally:
            os.close(lock)


class KeyRing:
    """The reading side: who is it? Looks at the file's date each time, so a change holds at once."""

    def __init__(self, file: Path | None, *, required: bool = False) -> None:
        """file: None where there are no keys. required: ask for keys even then (and let nobody in)."""
        self._file = file
        self._on = required
        self._stamp: tuple[int, int, int] | None = None
        self._keys: dict[str, ApiKey] = {}

    @property
    def on(self) -> bool:
        """Whether a request needs a key; once it did it does until the process ends."""
        self._look()
        return self._on

    def owner(self, token: str) -> ApiKey | None:
        """The key with this token."""
        self._look()
        key = self._keys.get(_id_of(token))
        return key if key and hmac.compare_digest(_digest(token), key.token_digest) else None

    def page_owner(self, cookie: str) -> ApiKey | None:
        """The key behind a page's cookie."""
        self._look()
        key = self._keys.get(cookie[:12])
        return key if key and hmac.compare_digest(_digest(cookie), key.page_digest) else None

    def claimed(self, secret: str, *, page: bool) -> str:
        """Id of the key that a token or cookie claims to be, '' where there is no such key."""
        self._look()
        key_id = secret[:12] if page else _id_of(secret)
        return key_id if key_id in self._keys else ""

    def still(self, key: ApiKey) -> bool:
        """Whether it has not been revoked."""
        self._look()
        return self._keys.get(key.key_id) == key

    def _look(self) -> None:
        if self._file is None:
            return
        try:
            told = self._file.stat()
            stamp = (told.st_mtime_ns, told.st_ino, told.st_mode)
        except FileNotFoundError:
            self._stamp, self._keys = None, {}
            return
        except OSError:
            stamp = (0, 0, 0)  # there, and out of our reach: nobody is let in
        if stamp == self._stamp:
            return
        try:
            self._keys = {one.key_id: one for one in _read(self._file).keys}
        except ParetoscopeError as error:
            self._keys = {}
            log.error("nobody is let in: %s", error.hint)
        self._stamp, self._on = stamp, True


def check_reach(host: str, file: Path) -> None:
    """Raises BadParameters for an API that others can reach and that has no keys, or bad ones."""
    if file.exists():
        _read(file)
    elif not is_loopback(host):
        raise BadParameters(
            "keys-needed",
            hint=f"The API on {host} can be reached from other machines, so callers need keys. Run "
            f"`paretoscope keys make --scope admin --name NAME` (it writes {file}), or listen on 127.0.0.1.",
        )
