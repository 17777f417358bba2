"""The audit log: every change with who and when, bounded, in the order it was made."""

from __future__ import annotations

from typing import Any, cast

from paretoscope.adapters.store import keys
from paretoscope.adapters.store.events import EVENT_ID
from paretoscope.adapters.store.link import translated
from paretoscope.adapters.store.scans import RunningScans
from paretoscope.contract import AuditEntry
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import BadParameters


class Audit(RunningScans):
    @translated
    def append_audit(self, entry: AuditEntry) -> str:
        """Add one; returns its id. Beyond ``limits.audit`` the oldest go."""
        added = self._even_full("XADD", keys.AUDIT, "MAXLEN", "~", self.limits.audit, "*", "a", pack(entry))
        return cast(bytes, added).decode()

    @translated
    def audit(self, limit: int = 100, before: str | None = None) -> list[tuple[str, AuditEntry]]:
        """Entries with their ids, newest first; `before` an id: only older ones. Raises BadParameters."""
        if before is not None and not EVENT_ID.fullmatch(before):
            raise BadParameters("bad-audit-id", hint=f"{before!r:.60} is no id of the audit log.")
        newest = f"({before}" if before else "+"
        found = cast(list[Any], self._redis.xrevrange(keys.AUDIT, max=newest, count=max(1, limit)))
        return [(entry.decode(), unpack(fields[b"a"], AuditEntry)) for entry, fields in found]
