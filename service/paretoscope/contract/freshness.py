"""When a result is too old for a control loop."""

from __future__ import annotations

from datetime import datetime

from paretoscope.contract.frame import FrameHeader
from paretoscope.contract.policy import StreamPolicy

LEAST_S = 30.0
FRAME_TIMES = 3.0


def stale_after_s(header: FrameHeader, policy: StreamPolicy) -> float:
    """The policy's limit; without one 30 s, or three frame times where frames take longer."""
    if policy.max_age_for_control_s is not None:
        return policy.max_age_for_control_s
    return max(LEAST_S, FRAME_TIMES * (header.frame_time_s or 0.0))


def age_s(received_at: str, now: datetime) -> float:
    """Since the last pixel came (UTC text with a zone), s; never below 0."""
    return max(0.0, (now - datetime.fromisoformat(received_at)).total_seconds())
