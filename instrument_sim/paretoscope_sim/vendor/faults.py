"""What can go wrong with the instrument, on demand.

--fault no-metadata              every frame
--fault no-metadata@3            frame 3 only (frames count from 0)
--fault no-metadata@3,7          frames 3 and 7
--fault no-metadata@every5       every fifth frame: 4, 9, 14, ...
--fault no-metadata@p0.1         each frame with a chance of 0.1, drawn from the seed
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from paretoscope.errors import BadParameters
from paretoscope_sim.seeds import stream

FAULTS = {
    "server-error": "The acquisition is refused with ApplicationServerException.",
    "api-error": "The acquisition is refused with ApiException, as if the client were not running.",
    "insert-refused": "Inserting a detector is refused: 'not allowed in Unknown state'.",
    "no-metadata": "The image comes with metadata None.",
    "no-pixel-size": "metadata.binary_result is None.",
    "no-times": "metadata.acquisition is None: no id, no time stamps.",
    "no-scan-settings": "metadata.scan_settings is None.",
    "time-without-zone": "Time stamps lack their zone.",
    "non-square": "Only the upper three quarters of the rows are scanned.",
    "stale-frame": "The previous image comes once more, with its old id and times.",
    "wrong-detector": "The image is of the bright-field detector; its metadata says so.",
    "slow-frame": "The frame takes three times as long.",
    "disconnect": "The connection is lost half way through the scan.",
    "continuous-timeout": "wait_for_next_frame gives up after its 10 s.",
}
"""Every fault by name, with what it does."""


@dataclass(frozen=True)
class Schedule:
    """When one fault happens."""

    fault: str
    frames: frozenset[int] = frozenset()
    every: int = 0
    chance: float = 0.0

    @property
    def always(self) -> bool:
        return not self.frames and not self.every and not self.chance

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read 'NAME', 'NAME@3,7', 'NAME@every5' or 'NAME@p0.1'. Raises BadParameters."""
        name, at, when = text.partition("@")
        if name not in FAULTS:
            raise BadParameters("unknown-fault", hint=f"No fault '{name}'. There are: {', '.join(FAULTS)}.")
        if not at:
            return cls(name)
        try:
            if when.startswith("every"):
                made = cls(name, every=int(when.removeprefix("every")))
            elif when.startswith("p"):
                made = cls(name, chance=float(when.removeprefix("p")))
            else:
                made = cls(name, frames=frozenset(int(part) for part in when.split(",")))
        except ValueError:
            made = cls(name)
        if made.always or made.every < 0 or not 0 <= made.chance <= 1 or any(n < 0 for n in made.frames):
            raise BadParameters(
                "bad-fault", hint=f"'{text}': after @ give frames (3,7), 'every5' or a chance ('p0.1')."
            )
        return made

    def happens(self, frame: int, seed: int) -> bool:
        if self.always or frame in self.frames:
            return True
        if self.every:
            return (frame + 1) % self.every == 0
        return bool(self.chance) and stream(seed, self.fault, frame).random() < self.chance


@dataclass(frozen=True)
class FaultPlan:
    """All faults of a session."""

    schedules: tuple[Schedule, ...] = ()
    seed: int = 0
    happened: list[tuple[int, str]] = field(default_factory=list)
    """(frame, fault) in the order in which they came."""

    @classmethod
    def of(cls, texts: Iterable[str], seed: int = 0) -> FaultPlan:
        return cls(tuple(Schedule.parse(text) for text in texts), seed)

    def strikes(self, fault: str, frame: int) -> bool:
        """Whether this fault happens at this frame; remembers that it did."""
        hit = any(s.fault == fault and s.happens(frame, self.seed) for s in self.schedules)
        if hit:
            self.happened.append((frame, fault))
        return hit
