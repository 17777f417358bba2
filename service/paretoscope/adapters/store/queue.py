"""Consumer groups: work handed to one worker at a time, and taken back from the dead."""

from __future__ import annotations

import time
from typing import Any, cast

import redis

from paretoscope.adapters.store import keys, scripts
from paretoscope.adapters.store.events import Events
from paretoscope.adapters.store.link import translated
from paretoscope.adapters.store.records import ChoiceClaim, Claim, WorkerEnd

LOOK_ROUND_S = 0.5


class Queue(Events):
    """At-least-once delivery over the store's streams (XREADGROUP, XAUTOCLAIM)."""

    def _ensure_group(self, queue: str) -> None:
        try:
            self._even_full("XGROUP", "CREATE", queue, keys.GROUP, "0", "MKSTREAM")
        except redis.ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    def _next_entry(self, queue: str, consumer: str, block_s: float) -> tuple[str, dict[bytes, bytes]] | None:
        """The next entry for this consumer, or None after `block_s`.

        First what the consumer held when it last stopped (a name belongs to one claimer at a time), then what
        silent workers hold, then what is new.
        """
        until = time.monotonic() + block_s
        while True:
            try:
                found = self._own_pending(queue, consumer) or self._orphan(queue, consumer)
                left = until - time.monotonic()
                found = found or self._fresh(queue, consumer, max(0.0, min(left, LOOK_ROUND_S)))
            except redis.ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                self._ensure_group(queue)
                continue
            except redis.RedisError:
                # The answer that got lost may have carried an entry: look at what is ours again.
                self._resumed.discard((queue, consumer))
                raise
            if found is not None or time.monotonic() >= until:
                return found

    def _own_pending(self, queue: str, consumer: str) -> tuple[str, dict[bytes, bytes]] | None:
        if (queue, consumer) in self._resumed:
            return None
        found = _first(self._redis.xreadgroup(keys.GROUP, consumer, {queue: "0"}, count=1))
        if found is None:
            self._resumed.add((queue, consumer))
        return found

    def _orphan(self, queue: str, consumer: str) -> tuple[str, dict[bytes, bytes]] | None:
        idle_ms = int(self.claim_idle_s * 1000)
        answer = cast(list[Any], self._redis.xautoclaim(queue, keys.GROUP, consumer, idle_ms, "0-0", count=1))
        for entry, fields in answer[1]:
            if fields:
                return entry.decode(), fields
        return None

    def _fresh(self, queue: str, consumer: str, block_s: float) -> tuple[str, dict[bytes, bytes]] | None:
        # Not the client for long waits: on a connection that went silent it would wait for half a minute.
        block_ms = int(block_s * 1000)
        return _first(
            self._redis.xreadgroup(keys.GROUP, consumer, {queue: ">"}, count=1, block=block_ms or None)
        )

    def _deliveries(self, queue: str, entry: str) -> int:
        pending = cast(list[Any], self._redis.xpending_range(queue, keys.GROUP, entry, entry, 1))
        return int(pending[0]["times_delivered"]) if pending else 1

    @translated
    def keep(self, claim: Claim | ChoiceClaim, consumer: str) -> bool:
        """Say that the worker is still at it, so that nobody takes the claim over (call each second).

        False when another one has: a worker that was paused for long does not get its frame back.
        """
        if isinstance(claim, Claim):
            held = [keys.WORK, keys.frame(claim.frame_id)]
        else:
            held = [keys.CHOICES, keys.choice(claim.choice_id)]
        return bool(self._run(scripts.KEEP, held, [claim.entry, consumer, claim.fence]))

    @translated
    def release(self, consumer: str, *, forgive: bool = False) -> int:
        """Hand over at once what a worker held that is known to have ended; returns how many claims.

        forgive: that delivery is not counted; the worker was told to stop, its frame is not to blame.
        """
        args = [consumer, "1" if forgive else ""]
        return sum(int(self._run(scripts.RELEASE, [queue], args)) for queue in (keys.WORK, keys.CHOICES))

    @translated
    def worker_ended(self, consumer: str, how: WorkerEnd, *, exit_code: int, frame_id: str = "") -> None:
        """Count a worker that ended over its work, with the frame it held, and tell it as an event."""
        data: dict[str, Any] = {"worker": consumer, "state": how, "exit_code": exit_code}
        if frame_id:
            data["frame_id"] = frame_id
        event = self._event("worker", None, None, data)
        self._run(scripts.WORKER_ENDED, [], [how, frame_id, self.limits.events, event])

    @translated
    def sweep_consumers(self, idle_s: float = 24 * 3600.0) -> int:
        """Forget workers that hold nothing and were not heard for `idle_s` seconds; returns how many."""
        swept = 0
        for queue in (keys.WORK, keys.CHOICES):
            self._ensure_group(queue)
            for one in cast(list[Any], self._redis.xinfo_consumers(queue, keys.GROUP)):
                if one["pending"] == 0 and one["idle"] > idle_s * 1000:
                    self._redis.xgroup_delconsumer(queue, keys.GROUP, one["name"])
                    swept += 1
        return swept


def _first(answer: Any) -> tuple[str, dict[bytes, bytes]] | None:
    for _, entries in cast(list[Any], answer or []):
        for entry, fields in entries:
            if fields:
                return entry.decode(), fields
    return None
