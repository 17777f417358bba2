"""Dead letters: frames that workers died over, kept with their pixels until they are asked for again."""

from __future__ import annotations

from typing import cast

import numpy as np

from paretoscope.adapters.store import keys, scripts
from paretoscope.adapters.store.audit import Audit
from paretoscope.adapters.store.link import translated
from paretoscope.adapters.store.packing import as_image
from paretoscope.contract import DeadLetter, FrameHeader
from paretoscope.contract.codec import unpack
from paretoscope.errors import BadInput, NotFound


class DeadLetters(Audit):
    @translated
    def dead_letters(self) -> list[DeadLetter]:
        """Newest first."""
        ids = cast("list[bytes]", self._redis.zrevrange(keys.DEAD_LETTERS, 0, -1))
        pipe = self._redis.pipeline(transaction=False)
        for frame_id in ids:
            pipe.hget(keys.DEAD + frame_id.decode(), "letter")
        return [unpack(held, DeadLetter) for held in pipe.execute() if held]

    @translated
    def dead_frame(self, frame_id: str) -> tuple[DeadLetter, FrameHeader, np.ndarray]:
        """The letter, the frame's header and its pixels (rows, columns), read-only. Raises NotFound."""
        held = cast(
            "list[bytes | None]", self._redis.hmget(keys.DEAD + frame_id, "letter", "header", "pixels")
        )
        letter, header, pixels = held
        if letter is None or header is None or pixels is None:
            raise no_dead_letter(frame_id)
        described = unpack(header, FrameHeader)
        return unpack(letter, DeadLetter), described, as_image(described, pixels)

    @translated
    def retry_dead(self, frame_id: str) -> None:
        """Queue the frame again under its own id, with all its deliveries before it.

        The letter goes once the frame is queued, so nothing is lost in between. Raises NotFound, Busy, and
        BadInput while the frame is being worked on.
        """
        _, header, pixels = self.dead_frame(frame_id)
        if not self._run(scripts.FORGET_CLOSED, [], [frame_id, header.stream]):
            raise BadInput("not-closed", hint=f"Frame {frame_id} is queued already.")
        self.put_frame(header, pixels, gap=0)
        self.discard_dead(frame_id)
        self.count("dead-letters:retried")

    @translated
    def discard_dead(self, frame_id: str) -> bool:
        """Forget a dead letter; False where there was none."""
        return bool(self._run(scripts.UNBURY, [], [frame_id]))


def no_dead_letter(frame_id: str) -> NotFound:
    return NotFound(
        "no-dead-letter", hint=f"There is no dead letter {frame_id}; GET /v1/dead-letters lists them."
    )
