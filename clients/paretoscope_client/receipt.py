"""What became of one frame that was handed over."""

from __future__ import annotations

import threading

from paretoscope.contract import Ack
from paretoscope.errors import Busy, ParetoscopeError


class Receipt:
    """Handed out when a frame is queued; settled once, by an acknowledgement or an error."""

    def __init__(self, stream: str, epoch: str, sequence: int) -> None:
        self.stream = stream
        self.epoch = epoch
        self.sequence = sequence
        self._settled = threading.Event()
        self._outcome: Ack | ParetoscopeError | None = None

    @property
    def frame_id(self) -> str:
        return f"{self.stream}-{self.epoch}-{self.sequence:06d}"

    @property
    def outcome(self) -> Ack | ParetoscopeError | None:
        """The acknowledgement, the error, or None while neither is known."""
        return self._outcome

    def wait(self, timeout_s: float | None = None) -> Ack:
        """The acknowledgement: the frame is in the store.

        Raises BadFrame when the bridge refused it, Busy('dropped-...') when it was dropped on the way,
        Busy('not-acknowledged') when neither is known after `timeout_s`; it may still be stored later.
        """
        if not self._settled.wait(timeout_s):
            raise Busy(
                "not-acknowledged",
                hint=f"Frame {self.frame_id} has not been acknowledged within {timeout_s} s. "
                "It stays queued; is the bridge running?",
            )
        assert self._outcome is not None
        if isinstance(self._outcome, ParetoscopeError):
            raise self._outcome
        return self._outcome

    def settle(self, outcome: Ack | ParetoscopeError) -> None:
        """Called by the sender; the first outcome counts."""
        if not self._settled.is_set():
            self._outcome = outcome
            self._settled.set()
