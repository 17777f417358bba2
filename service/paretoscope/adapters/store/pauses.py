"""Streams that an operator has paused: their frames are refused as 'busy' until they are resumed."""

from __future__ import annotations

from typing import cast

from paretoscope.adapters.store import keys
from paretoscope.adapters.store.choices import Choices
from paretoscope.adapters.store.link import translated
from paretoscope.contract import Pause
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import Busy


class Pauses(Choices):
    @translated
    def pause(self, stream: str, by: str = "operator", reason: str | None = None) -> Pause:
        """Take no frames of this stream, also after a restart; a second pause leaves the first as it is.

        Raises Busy when too many streams are paused (``limits.streams``).
        """
        paused = Pause(by=by, reason=reason, at=self._now_text())
        if cast(int, self._redis.hlen(keys.PAUSED)) >= self.limits.streams and self.paused(stream) is None:
            raise Busy("too-many-paused", hint=f"{self.limits.streams} streams are paused; resume one first.")
        if not self._redis.hsetnx(keys.PAUSED, stream, cast(str, pack(paused))):
            return self.paused(stream) or paused
        self._tell_pause(stream, True, by, reason)
        return paused

    @translated
    def resume(self, stream: str, by: str = "operator", reason: str | None = None) -> bool:
        """Take its frames again; False when it was not paused."""
        if not self._redis.hdel(keys.PAUSED, stream):
            return False
        self._tell_pause(stream, False, by, reason)
        return True

    @translated
    def paused(self, stream: str) -> Pause | None:
        held = cast("bytes | None", self._redis.hget(keys.PAUSED, stream))
        return unpack(held, Pause) if held else None

    @translated
    def paused_streams(self) -> dict[str, Pause]:
        held = cast("dict[bytes, bytes]", self._redis.hgetall(keys.PAUSED))
        return {name.decode(): unpack(one, Pause) for name, one in sorted(held.items())}

    def _tell_pause(self, stream: str, paused: bool, by: str, reason: str | None) -> None:
        event = self._event("pause", stream, None, {"paused": paused, "by": by, "reason": reason})
        self._redis.xadd(keys.EVENTS, {"e": event}, maxlen=self.limits.events, approximate=True)
