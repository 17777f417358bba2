"""A result as the client read it: the frame, when it was read, and whether a loop may act on it now."""

from __future__ import annotations

import time
from collections.abc import Collection

from pydantic import PrivateAttr

from paretoscope.contract.views import ChoiceView, FrameView
from paretoscope.errors import UnfitResult


class Result(FrameView):
    """What ``Client.latest``, ``results``, ``frame`` and ``choose`` give."""

    _read_s: float = PrivateAttr(default_factory=time.monotonic)

    @property
    def age_now_s(self) -> float | None:
        """How long ago its last pixel came, s: as the service told it, and what has passed here since.

        No clocks of two machines are compared. None before there is a result.
        """
        return None if self.age_s is None else self.age_s + time.monotonic() - self._read_s

    def unfit(self, *, allow: Collection[str] = (), max_age_s: float | None = None) -> tuple[str, ...]:
        """Why a control loop must not act on this now; empty when it may.

        allow: reasons that do not count (see the table in docs/reference/rest.md); 'drifted' also stands for
        'drifted: dose' and whatever else follows a colon. max_age_s: a limit of your own beside the
        stream's.
        """
        reasons = ["no-guard"] if self.guard is None else list(self.guard.reasons)
        if self.state != "done":
            reasons.append("not-done")
        age = self.age_now_s
        limits = [limit for limit in (self.stale_after_s, max_age_s) if limit is not None]
        if age is not None and limits and age > min(limits) and "stale" not in reasons:
            reasons.append("stale")
        return tuple(reason for reason in reasons if not {reason, reason.partition(":")[0]} & {*allow})

    def require_fit(self, *, allow: Collection[str] = (), max_age_s: float | None = None) -> Result:
        """Itself. Raises UnfitResult with the reasons."""
        reasons = self.unfit(allow=allow, max_age_s=max_age_s)
        if reasons:
            age = self.age_now_s
            told = f", {age:.1f} s old" if age is not None and "stale" in reasons else ""
            raise UnfitResult(
                hint=f"{self.frame_id} is not fit for control: {', '.join(reasons)}{told}. "
                f"Wait for the next result, or allow what you can answer for: allow={set(reasons)}.",
                frame_id=self.frame_id,
                reasons=reasons,
            )
        return self


class Picked(ChoiceView):
    """A choice and, once it is done, the frame detected anew."""

    frame: Result | None
