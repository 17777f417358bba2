"""Keys made and revoked, on their way into the audit log.

    paretoscope keys ──> journal (a line each, durable) ──> the store's audit log, GET /v1/audit
                                            │
                                            └─ kept while no store runs; the API hands it over when it starts

The journal is opened before a key is changed: where nothing can be recorded nothing is done.
"""

from __future__ import annotations

import fcntl
import logging
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Protocol

from pydantic import ValidationError

from paretoscope.contract import AuditEntry
from paretoscope.errors import BadParameters

log = logging.getLogger(__name__)

MOST_LINES = 1000
"""Beyond it the oldest go: nobody makes so many keys while no service runs."""
MOST_BYTES = 1024 * 1024


class AuditLog(Protocol):
    def append_audit(self, entry: AuditEntry) -> str: ...


def account() -> str:
    """'os:ada': whose account runs this; with sudo also who called it."""
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = str(uid)
    caller = os.environ.get("SUDO_USER", "") if uid == 0 else ""
    return f"os:{name}" + (f" (sudo by {caller[:64]})" if caller else "")


class KeyJournal:
    def __init__(self, file: Path) -> None:
        self.file = file

    @contextmanager
    def noting(self, action: str, name: str, scope: str = "") -> Iterator[None]:
        """Note what is done in the body, unless it fails. action: 'MAKE' or 'REVOKE'.

        Raises BadParameters, before anything is done, where the journal cannot be written.
        """
        with self._held() as journal:
            yield
            entry = AuditEntry(
                at=datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
                who=account(),
                method=action,
                path=f"/keys/{name[:128]}",
                asked=f"scope {scope}" if scope else "",
                status=200,
            )
            lines = [*journal.read(MOST_BYTES).splitlines(), entry.model_dump_json(exclude_none=True)]
            self._rewrite(journal, lines[-MOST_LINES:])

    def hand_over(self, audit: AuditLog) -> int:
        """Move all lines into the audit log; how many. Raises StoreDown or Busy, and keeps the rest then."""
        if not self.file.exists():
            return 0
        moved = 0
        with self._held() as journal:
            lines = journal.read(MOST_BYTES).splitlines()
            try:
                for line in lines:
                    try:
                        entry = AuditEntry.model_validate_json(line)
                    except ValidationError:
                        log.warning("a line of %s is no record and was left out", self.file)
                    else:
                        audit.append_audit(entry)
                    moved += 1
            finally:
                self._rewrite(journal, lines[moved:])
        return moved

    @contextmanager
    def _held(self) -> Iterator[IO[str]]:
        """The open file, ours alone for as long."""
        try:
            self.file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise BadParameters("bad-data-folder", hint=f"{self.file}: {error.strerror}.") from None
        with os.fdopen(descriptor, "r+", encoding="utf-8", errors="replace") as journal:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield journal

    @staticmethod
    def _rewrite(journal: IO[str], lines: list[str]) -> None:
        journal.seek(0)
        journal.truncate()
        journal.write("".join(f"{line}\n" for line in lines))
        journal.flush()
        os.fsync(journal.fileno())
