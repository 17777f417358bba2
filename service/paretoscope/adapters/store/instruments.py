"""Instruments: wishes of whoever is at the page, reports of the service that runs them."""

from __future__ import annotations

from typing import Any, Literal, cast

from paretoscope.adapters.store import keys
from paretoscope.adapters.store.link import translated
from paretoscope.adapters.store.pauses import Pauses
from paretoscope.contract.codec import pack, unpack
from paretoscope.contract.instruments import InstrumentReport, InstrumentWish


class Instruments(Pauses):
    @translated
    def wish_instrument(
        self,
        name: str,
        state: Literal["running", "stopped"],
        settings: dict[str, Any],
        by: str = "operator",
    ) -> InstrumentWish:
        """Say what is wanted of an instrument; the newest wish counts."""
        revision = cast(int, self._redis.incr(keys.WISH_REVISION))
        wish = InstrumentWish(state=state, settings=settings, revision=revision, by=by, at=self._now_text())
        self._redis.hset(keys.WISHES, name, cast(str, pack(wish)))
        return wish

    @translated
    def wishes(self) -> dict[str, InstrumentWish]:
        held = cast("dict[bytes, bytes]", self._redis.hgetall(keys.WISHES))
        return {name.decode(): unpack(wish, InstrumentWish) for name, wish in held.items()}

    @translated
    def report_instrument(self, report: InstrumentReport, tell: bool = True) -> None:
        """Say how an instrument stands; an event as well where `tell`."""
        self._redis.hset(keys.INSTRUMENTS, report.name, cast(str, pack(report)))
        if tell:
            data = {"name": report.name, "state": report.state, "reason": report.reason}
            data |= {"settings": report.settings, "revision": report.revision}
            stream = report.settings.get("stream")
            event = self._event("instrument", stream, None, data)
            self._redis.xadd(keys.EVENTS, {"e": event}, maxlen=self.limits.events, approximate=True)

    @translated
    def forget_instruments(self, names: list[str]) -> None:
        """Take reports away: of instruments that are no more."""
        if names:
            self._redis.hdel(keys.INSTRUMENTS, *names)

    @translated
    def instruments(self) -> list[InstrumentReport]:
        """How each one stood when it was last reported, by name."""
        held = cast("dict[bytes, bytes]", self._redis.hgetall(keys.INSTRUMENTS))
        return [unpack(report, InstrumentReport) for _, report in sorted(held.items())]

    @translated
    def hold_instruments(self, owner: str, ttl_s: float = 5.0) -> bool:
        """Be the one service that runs instruments, for `ttl_s` seconds; False while another one is."""
        px = int(ttl_s * 1000)
        if self._redis.set(keys.INSTRUMENTS_OWNER, owner, nx=True, px=px):
            return True
        if self._redis.get(keys.INSTRUMENTS_OWNER) != owner.encode():
            return False
        return bool(self._redis.pexpire(keys.INSTRUMENTS_OWNER, px))

    @translated
    def leave_instruments(self, owner: str) -> None:
        """Run none any more."""
        if self._redis.get(keys.INSTRUMENTS_OWNER) == owner.encode():
            self._redis.delete(keys.INSTRUMENTS_OWNER)

    @translated
    def instruments_are_run(self) -> bool:
        """Whether a service that runs instruments was heard of lately."""
        return bool(self._redis.exists(keys.INSTRUMENTS_OWNER))
