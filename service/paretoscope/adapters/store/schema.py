"""Which version of the contract a store was filled by."""

from __future__ import annotations

from typing import cast

from paretoscope.adapters.store import keys
from paretoscope.adapters.store.dead_letters import DeadLetters
from paretoscope.adapters.store.link import translated
from paretoscope.contract import SCHEMA_MAJOR
from paretoscope.errors import Incompatible


class Schema(DeadLetters):
    @translated
    def take_up(self) -> None:
        """Mark a new store as ours. Raises Incompatible('other-store-version') for one that another major
        version filled: half of it would be unreadable to us, and what we write to that one."""
        held = cast("bytes | None", self._redis.get(keys.SCHEMA))
        if held is None:
            self._even_full("SET", keys.SCHEMA, str(SCHEMA_MAJOR), "NX")
        elif held.decode() != str(SCHEMA_MAJOR):
            raise Incompatible(
                "other-store-version",
                hint=f"Version {held.decode()} of the contract wrote what is stored there, this is version "
                f"{SCHEMA_MAJOR}. Run the release that wrote it, or choose another folder with --data, or "
                "another server with REDIS_URL.",
            )
