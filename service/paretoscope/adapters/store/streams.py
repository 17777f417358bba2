"""Streams: what is kept of each, how it is to be analysed, what it remembers, who works."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, cast

from paretoscope.adapters.store import keys, scripts
from paretoscope.adapters.store.instruments import Instruments
from paretoscope.adapters.store.link import translated, utc_text
from paretoscope.adapters.store.records import BridgeBeat, Claim, StreamSummary, WorkerBeat
from paretoscope.contract import OperatingPoint, StreamMemory, StreamPolicy
from paretoscope.contract.codec import pack, unpack
from paretoscope.errors import StoreDown

MEMORIES_KEPT = 8


class Streams(Instruments):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._memories: dict[str, tuple[bytes, StreamMemory]] = {}

    @translated
    def streams(self) -> list[StreamSummary]:
        """Every stream, the one that was last seen first."""
        seen = cast("list[tuple[bytes, float]]", self._redis.zrevrange(keys.STREAMS, 0, -1, withscores=True))
        pipe = self._redis.pipeline(transaction=False)
        for name, _ in seen:
            stream = name.decode()
            pipe.zcard(keys.history(stream))
            pipe.zrevrange(keys.history(stream), 0, 0)
            pipe.zrevrange(keys.results(stream), 0, 0)
            pipe.zcard(keys.waiting(stream))
        answers = pipe.execute()
        paused = self.paused_streams()
        summaries = []
        for index, (name, at_ms) in enumerate(seen):
            frames, newest, result, queued = answers[4 * index : 4 * index + 4]
            summaries.append(
                StreamSummary(
                    stream=name.decode(),
                    frames=frames,
                    newest_frame=newest[0].decode() if newest else None,
                    newest_result=result[0].decode() if result else None,
                    queued=queued,
                    last_seen=utc_text(datetime.fromtimestamp(at_ms / 1000, UTC)),
                    paused=paused.get(name.decode()),
                )
            )
        return summaries

    @translated
    def latest(self, stream: str) -> str | None:
        """The newest frame with a finished result, None where there is none."""
        return next(iter(self.finished(stream, 1)), None)

    @translated
    def finished(self, stream: str, limit: int = 100) -> list[str]:
        """Ids of the frames with a finished result, newest first."""
        if limit < 1:
            return []
        found = cast("list[bytes]", self._redis.zrevrange(keys.results(stream), 0, limit - 1))
        return [frame_id.decode() for frame_id in found]

    @translated
    def frames(self, stream: str, limit: int = 100) -> list[str]:
        """Ids of the frames that are kept, newest first."""
        if limit < 1:
            return []
        found = cast("list[bytes]", self._redis.zrevrange(keys.history(stream), 0, limit - 1))
        return [frame_id.decode() for frame_id in found]

    @translated
    def newer_frames(self, stream: str, frame_id: str) -> int:
        """How many of the kept frames of the stream came after this one; 0 for one that is not kept."""
        return self._redis.zrevrank(keys.history(stream), frame_id) or 0  # type: ignore[return-value]

    @translated
    def policy(self, stream: str) -> StreamPolicy:
        """The stream's policy; the defaults where none was set."""
        held = cast("bytes | None", self._redis.hget(keys.policy(stream), "policy"))
        return unpack(held, StreamPolicy) if held else StreamPolicy()

    @translated
    def set_policy(self, stream: str, policy: StreamPolicy) -> None:
        """Applies from the stream's next frame on."""
        pipe = self._redis.pipeline(transaction=True)
        quick = {"drop": policy.drop, "keep_newest": policy.keep_newest, "max_age_ms": ""}
        if policy.max_age_s is not None:
            quick["max_age_ms"] = policy.max_age_s * 1e3
        pipe.hset(keys.policy(stream), mapping=cast(Any, {"policy": pack(policy), **quick}))
        event = self._event("policy", stream, None, policy.model_dump(mode="json"))
        pipe.xadd(keys.EVENTS, {"e": event}, maxlen=self.limits.events, approximate=True)
        pipe.execute()

    @translated
    def memory(self, stream: str) -> StreamMemory:
        """What the stream remembers, with the operator's class names; empty at first."""
        pipe = self._redis.pipeline(transaction=True)
        pipe.hmget(keys.memory(stream), "memory", "operating")
        pipe.hgetall(keys.names(stream))
        (memory, operating), names = pipe.execute()
        held = self._unpacked(stream, memory) if memory else StreamMemory()
        return held.model_copy(
            update={
                "operating": unpack(operating, OperatingPoint) if operating else None,
                "class_names": _names(names),
            }
        )

    def _unpacked(self, stream: str, memory: bytes) -> StreamMemory:
        """A stream that tracks remembers the same from frame to frame: it is read once."""
        known = self._memories.get(stream)
        if known is None or known[0] != memory:
            known = memory, unpack(memory, StreamMemory)
            newest = [*((k, v) for k, v in self._memories.items() if k != stream), (stream, known)]
            self._memories = dict(newest[-MEMORIES_KEPT:])
        return known[1]

    @translated
    def set_memory(self, stream: str, memory: StreamMemory, claim: Claim | None = None) -> bool:
        """Remember for the next frame; `claim` is whose work it comes from, and must still hold.

        An operating point that the operator picked meanwhile stays (the memory of a frame that was begun
        before the pick knows nothing of it); returns whether the memory's own operating point was taken.
        Class names are kept by `name_class` alone.
        """
        operating = memory.operating
        rest = memory.model_copy(update={"operating": None, "class_names": {}})
        args = [pack(rest), pack(operating) if operating else "", operating.choice_id if operating else ""]
        args += ["", ""] if claim is None else [claim.frame_id, claim.fence]
        return bool(self._run(scripts.SET_MEMORY, [keys.memory(stream)], args))

    @translated
    def set_operating(self, stream: str, operating: OperatingPoint | None) -> None:
        """Set the operating point of the next frames whatever it was; None leaves it to the service again."""
        if operating is None:
            self._redis.hdel(keys.memory(stream), "operating", "choice_id")
            return
        fields = {"operating": pack(operating), "choice_id": operating.choice_id}
        self._redis.hset(keys.memory(stream), mapping=cast(Any, fields))

    @translated
    def name_class(self, stream: str, class_id: int, name: str | None) -> None:
        """Give a class the operator's name; None or '' takes it away."""
        pipe = self._redis.pipeline(transaction=True)
        if name:
            pipe.hset(keys.names(stream), str(class_id), name)
        else:
            pipe.hdel(keys.names(stream), str(class_id))
        event = self._event("class-named", stream, None, {"class_id": class_id, "name": name})
        pipe.xadd(keys.EVENTS, {"e": event}, maxlen=self.limits.events, approximate=True)
        pipe.execute()

    @translated
    def class_names(self, stream: str) -> dict[int, str]:
        return _names(cast("dict[bytes, bytes]", self._redis.hgetall(keys.names(stream))))

    @translated
    def ping(self) -> bool:
        """True; raises StoreDown when the store does not answer."""
        return bool(self._redis.ping())

    @translated
    def takes_new(self) -> bool:
        """False while the disk under the embedded store is full: what it has is worked and read meanwhile."""
        return not self._closed()

    @translated
    def probe(self) -> None:
        """Write and read back: a store that answers but takes nothing (a full disk, a read-only copy) is told
        too. Raises StoreDown or Busy."""
        mark = uuid.uuid4().hex
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(keys.PROBE, mark, ex=60)
        pipe.get(keys.PROBE)
        if pipe.execute()[1] != mark.encode():
            raise StoreDown(hint="The store does not give back what was just written to it.")

    @translated
    def beat(
        self,
        consumer: str,
        *,
        pid: int,
        device: str,
        state: str,
        detail: str = "",
        tick_age_s: float | None = None,
        kernel_ms: float | None = None,
        kernel_age_s: float | None = None,
        kernel_error: str = "",
        ttl_s: float = 5.0,
    ) -> None:
        """A worker's sign of life (see `WorkerBeat`); it is forgotten after `ttl_s` seconds."""
        told = {"at": self._now_text(), "pid": pid, "device": device, "state": state, "detail": detail}
        told |= {"tick_age_s": tick_age_s, "kernel_ms": kernel_ms, "kernel_age_s": kernel_age_s}
        told |= {"kernel_error": kernel_error, "ttl_s": ttl_s}
        self._even_full("SET", keys.worker(consumer), json.dumps(told), "PX", int(ttl_s * 1000))

    @translated
    def beat_bridge(
        self, address: str, *, pid: int, contested: Iterable[str] = (), ttl_s: float = 10.0
    ) -> None:
        """A bridge's sign of life; it is forgotten after `ttl_s` seconds."""
        told: dict[str, Any] = {"at": self._now_text(), "address": address, "pid": pid}
        told |= {"contested": list(contested), "ttl_s": ttl_s}
        self._even_full("SET", keys.BRIDGE, json.dumps(told), "PX", int(ttl_s * 1000))

    @translated
    def bridge(self) -> BridgeBeat | None:
        """The bridge's last sign of life; None when none gave one lately."""
        ((told, age_s),) = self._beats([keys.BRIDGE])
        return BridgeBeat(**_known(BridgeBeat, told), age_s=age_s) if told else None

    @translated
    def workers(self) -> list[WorkerBeat]:
        """The workers that gave a sign of life lately."""
        names = sorted(cast("list[bytes]", list(self._redis.scan_iter(match=keys.WORKER + "*"))))
        return [
            WorkerBeat(
                consumer=name.decode().removeprefix(keys.WORKER),
                age_s=age_s,
                **_known(WorkerBeat, told),
            )
            for name, (told, age_s) in zip(names, self._beats(names), strict=True)
            if told
        ]

    @translated
    def forget_signs(self) -> None:
        """Of workers, bridge and whoever ran the instruments: they are known to have ended, and what they
        told may be seconds old. Who still lives tells it again."""
        workers = list(self._redis.scan_iter(match=keys.WORKER + "*"))
        self._redis.delete(keys.BRIDGE, keys.INSTRUMENTS_OWNER, *workers)

    def _beats(self, names: Sequence[str | bytes]) -> list[tuple[dict[str, Any], float]]:
        """What each key tells ({} = it is gone) and its age by the store's clock, s: others may differ."""
        pipe = self._redis.pipeline(transaction=True)
        for name in names:
            pipe.get(name)
            pipe.pttl(name)
        answers = pipe.execute()
        beats = []
        for held, left_ms in zip(answers[::2], answers[1::2], strict=True):
            told = json.loads(held) if held else {}
            beats.append((told, max(0.0, told.get("ttl_s", 0.0) - left_ms / 1000.0)))
        return beats


def _known(kind: type[Any], told: dict[str, Any]) -> dict[str, Any]:
    """Without what a newer version may tell besides."""
    names = {one.name for one in fields(kind)}
    return {name: value for name, value in told.items() if name in names}


def _names(held: dict[bytes, bytes]) -> dict[int, str]:
    return {int(class_id): name.decode() for class_id, name in held.items()}
