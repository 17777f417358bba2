"""How long the instrument takes, as measured on a Spectra 300.

    frame time = rows x columns x dwell + 0.21 s + 1.18 ms x rows

fitted to public logs of 512 x 512 frames at 5 and 10 us and 1024 x 1024 at 5 us (all within 0.1 s); it
gives 9.2 s for 512 x 512 at 32 us. What is not exposure is flyback and set-up, not transfer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

SETUP_S = 0.21
FLYBACK_S = 1.18e-3
CONNECT_S = 0.040


def exposure_s(shape: tuple[int, int], dwell_us: float) -> float:
    """Return rows x columns x dwell, seconds."""
    return shape[0] * shape[1] * dwell_us * 1e-6


def frame_time_s(shape: tuple[int, int], dwell_us: float) -> float:
    """Return the time from asking for an image to having it, seconds."""
    return exposure_s(shape, dwell_us) + SETUP_S + FLYBACK_S * shape[0]


@dataclass(frozen=True)
class Clock:
    """Waits as long as the instrument would, ``speed`` times faster.

    speed: 1 is the real instrument; ``float("inf")`` does not wait at all.
    sleep: takes seconds; give another one to count the time instead of spending it.
    """

    speed: float = 1.0
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not self.speed > 0:
            raise ValueError(
                f"speed is how many times faster than the instrument; {self.speed} is not above 0"
            )

    def wait(self, seconds: float) -> None:
        """Pass this much of the instrument's time."""
        shortened = seconds / self.speed
        if shortened > 0:
            self.sleep(shortened)

    def connect(self) -> None:
        self.wait(CONNECT_S)

    def frame(self, shape: tuple[int, int], dwell_us: float) -> None:
        self.wait(frame_time_s(shape, dwell_us))
