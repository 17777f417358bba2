"""Random histories of bridge, store and workers, each step compared with a plain Python ledger.

    hypothesis draws: send, send again, send late, kill the bridge, kill the store, claim, die, take over,
    finish, finish late, give up, try a dead letter again, policies, pauses, time, choices

The store is a real one, the bridge a real `Reception` fed with wire bytes. What fails is shrunk to the
shortest history that still fails.
"""

from __future__ import annotations

import os
import signal
import tempfile
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chaos._ledger import Ledger, Policy
from chaos.outcome import Outcome, Say, Size, at_least, exactly, told
from chaos.stage import answers, until
from paretoscope.adapters.store import ChoiceClaim, Claim, Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.bridge.reception import Reception
from paretoscope.bridge.session import Session
from paretoscope.bridge.tally import Tally
from paretoscope.contract import Ack, BusyNotice, Choice, Fault, FrameHeader, StreamPolicy
from paretoscope.contract.wire import Reply, encode
from paretoscope.errors import StoreDown
from paretoscope.settings import Limits

RUNS, STEPS = 1000, 40
STREAMS = st.sampled_from(["a", "b", "c"])
EPOCHS = st.sampled_from(["e1", "e2"])
WORKERS = st.sampled_from(["w1", "w2", "w3"])
SIDES = st.sampled_from([4, 4, 4, 4, 512])
"""Pixels; two of the large frames fill the backlog, two the history."""
DIED = Fault(code="worker-died", hint="too often")
R = TypeVar("R")


def header(
    stream: str, epoch: str, sequence: int, side: int = 4, other: int = 0
) -> tuple[FrameHeader, bytes]:
    """A frame and its pixels; `other`: the same number with other pixels."""
    pixels = np.full((side, side), sequence + 1000 * other, np.uint16).tobytes()
    described = FrameHeader(
        stream=stream,
        epoch=epoch,
        sequence=sequence,
        shape=(side, side),
        dtype="uint16",
        nbytes=len(pixels),
        crc32=zlib.crc32(pixels),
    )
    return described, pixels


class Machine(RuleBasedStateMachine):
    """One history. `server` is set by the trial and shared by all of them."""

    server: EmbeddedStore
    seen: ClassVar[Counter[str]] = Counter()
    """What the histories came past, all together."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        bounds = self.ledger.limits
        self.limits = Limits(
            history_frames=bounds.history_frames,
            history_mb=bounds.history_bytes // 2**20,
            backlog_frames=bounds.backlog_frames,
            backlog_mb=bounds.backlog_bytes // 2**20,
            streams=bounds.streams,
            dead_letters=bounds.dead_letters,
        )
        self.store = self.opened()
        again(self.store._redis.flushall)
        self.sent: dict[str, tuple[FrameHeader, bytes]] = {}
        self.claims: list[Claim] = []
        self.choice_claims: list[ChoiceClaim] = []
        self.fences: dict[tuple[str, int], int] = {}
        """The store's fences and what the ledger calls them."""
        self.workers: dict[str, Store] = {}
        self.resumed: set[tuple[str, str]] = set()
        self.next_choice = 0
        self.new_bridge()
        self.seen["runs"] += 1

    def opened(self, claim_idle_s: float = 3600.0) -> Store:
        return Store.open(
            self.server.url, self.limits, clock=self.now, uptime=self.uptime, claim_idle_s=claim_idle_s
        )

    def now(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.ledger.now_s)

    def uptime(self) -> tuple[str, float]:
        return "here", self.ledger.now_s * 1e3

    # the bridge

    def new_bridge(self) -> None:
        tally = Tally(self.store, lambda: "2026-11-21T00:00:00Z")
        self.bridge = Reception(self.store, Session(), tally, lambda: self.ledger.now_s, self.now)
        self.ledger.sources.clear()

    @rule(part=st.sampled_from(["bridge", "worker", "worker", "bridge", "worker", "store"]), name=WORKERS)
    def something_is_killed(self, part: str, name: str) -> None:
        if part == "store":
            self.the_store_is_killed()
        elif part == "worker":
            self.worker_dies(name)
        else:
            self.seen["bridge kills"] += 1
            self.new_bridge()

    def deliver(self, described: FrameHeader, pixels: bytes) -> None:
        expected, gap = self.ledger.send(
            described.frame_id,
            described.stream,
            described.epoch,
            described.sequence,
            described.nbytes,
            described.crc32,
        )
        reply = self.bridge.answer([encode(described), pixels])
        if isinstance(reply, BusyNotice) and reply.code == "store-down":  # its connection was the old store's
            self.ledger.now_s += 1.0
            for frame in self.ledger.frames.values():
                frame.received_s += frame.frame_id == described.frame_id and expected == "ack"
            reply = self.bridge.answer([encode(described), pixels])
        self.seen[expected] += 1
        assert verdict(reply) == (expected, gap), reply

    @rule(
        stream=STREAMS,
        epoch=EPOCHS,
        skips=st.lists(st.sampled_from([0, 0, 0, 1, 3]), min_size=1, max_size=5),
        side=SIDES,
    )
    def send(self, stream: str, epoch: str, skips: list[int], side: int) -> None:
        for skip in skips:
            sources = [one for one, _ in self.sent.values() if (one.stream, one.epoch) == (stream, epoch)]
            newest = max((one.sequence for one in sources), default=-1)
            described, pixels = header(stream, epoch, newest + 1 + skip, side)
            self.sent[described.frame_id] = described, pixels
            self.deliver(described, pixels)

    @precondition(lambda self: self.sent)
    @rule(data=st.data(), other=st.sampled_from([0, 0, 1]))
    def send_again(self, data: st.DataObject, other: int) -> None:
        described, pixels = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        if other and described.frame_id in self.ledger.frames:
            described, pixels = header(described.stream, described.epoch, described.sequence, 4, other)
        self.deliver(described, pixels)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def send_late(self, data: st.DataObject) -> None:
        before, _ = self.sent[data.draw(st.sampled_from(sorted(self.sent)))]
        late, pixels = header(before.stream, before.epoch, max(0, before.sequence - 1))
        if late.frame_id not in self.sent:
            self.sent[late.frame_id] = late, pixels
            self.deliver(late, pixels)

    # the store

    def the_store_is_killed(self) -> None:
        self.seen["store kills"] += 1
        pid = self.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.server.pid not in (None, pid) and answers(self.store), "the store", 30.0, 0.005)
        for worker in list(self.workers):
            self.worker_dies(worker)

    # workers

    def worker(self, name: str) -> Store:
        return self.workers.setdefault(name, self.opened())

    def worker_dies(self, name: str) -> None:
        """And comes back under its name."""
        if name in self.workers:
            self.seen["worker deaths"] += 1
            self.workers.pop(name).close()
            self.resumed -= {(name, "frames"), (name, "choices")}

    def resuming(self, name: str, queue: str, held: list[Any]) -> bool:
        """Whether a worker looks first for what it held before it died; it stops once it finds nothing."""
        if (name, queue) in self.resumed:
            return False
        if not any(one.holder == name for one in held):
            self.resumed.add((name, queue))
        return True

    @rule(name=WORKERS)
    def claim(self, name: str) -> None:
        store = self.worker(name)
        expected = self.ledger.claim(name, self.resuming(name, "frames", self.ledger.work), idle=False)
        self.book(store.claim_frame(name), expected)

    @rule(name=WORKERS, how=st.lists(st.sampled_from(["done", "done", "failed", "buried"]), max_size=5))
    def work(self, name: str, how: list[str]) -> None:
        """Claim and end some frames without trouble."""
        for one in how:
            before = len(self.claims)
            self.claim(name)
            if len(self.claims) > before:
                self.end(self.claims[-1], one)

    @rule(name=WORKERS)
    def take_over(self, name: str) -> None:
        """As a worker that finds all others silent."""
        with self.opened(claim_idle_s=0.0) as impatient:
            expected = self.ledger.claim(name, resuming=True, idle=True)
            self.book(impatient.claim_frame(name), expected)

    def book(self, claim: Claim | None, expected: Any) -> None:
        assert (claim and claim.frame_id) == (expected and expected.frame_id)
        if claim is not None:
            self.seen["claims"] += 1
            assert claim.pixels.tobytes() == self.sent[claim.frame_id][1]
            assert claim.gap == expected.gap
            self.fences[claim.frame_id, claim.fence] = expected.fence
            self.claims.append(claim)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["done", "done", "failed", "buried"]))
    def finish(self, data: st.DataObject, how: str) -> None:
        """By any claim there ever was: the newest of an open frame counts, all others come too late."""
        self.end(data.draw(st.sampled_from(self.claims[-6:])), how)

    def end(self, claim: Claim, how: str) -> None:
        fence = self.fences[claim.frame_id, claim.fence]
        state = "done" if how == "done" else "failed"
        expected = self.ledger.end(claim.frame_id, fence, state, bury=how == "buried")
        self.seen["ends" if expected else "late ends"] += 1
        writes: dict[str, Callable[[], bool]] = {
            "done": partial(self.store.finish_frame, claim, []),
            "failed": partial(self.store.fail_frame, claim, Fault(code="constant-image", hint="x")),
            "buried": partial(self.store.bury_frame, claim, DIED),
        }
        assert again(writes[how]) == expected

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def keep(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        frame = self.ledger.frames.get(claim.frame_id)
        entry = next((one for one in self.ledger.work if one.key == claim.frame_id), None)
        valid = frame is not None and frame.fence == self.fences[claim.frame_id, claim.fence]
        holder = entry.holder if entry is not None and entry.holder is not None else "w1"
        assert again(lambda: self.store.keep(claim, holder)) == (valid and entry is not None)

    @precondition(lambda self: self.ledger.dead)
    @rule(data=st.data())
    def try_a_dead_letter_again(self, data: st.DataObject) -> None:
        frame_id = data.draw(st.sampled_from(sorted(self.ledger.dead)))
        held = self.ledger.frames.get(frame_id)
        if (held is not None and (held.open or held.choices)) or self.ledger.paused:
            return
        waiting = [one for one in self.ledger.frames.values() if one.open]
        dead = self.ledger.dead[frame_id]
        if len(waiting) >= 3 or len(self.ledger.streams()) >= 2 or dead.nbytes > 100:
            return  # Whether there is room is another rule's to try.
        self.seen["dead letters tried again"] += 1
        self.ledger.frames.pop(frame_id, None)
        del self.ledger.dead[frame_id]
        described, _ = self.sent[frame_id]
        self.ledger.put(
            frame_id,
            described.stream,
            described.epoch,
            described.sequence,
            described.nbytes,
            described.crc32,
            0,
        )
        again(lambda: self.store.retry_dead(frame_id))

    # operators

    @rule(
        stream=STREAMS,
        drop=st.sampled_from(["wait", "wait", "drop", "newest"]),
        keep_newest=st.integers(1, 3),
        max_age_s=st.sampled_from([None, None, 5.0]),
    )
    def set_policy(self, stream: str, drop: Any, keep_newest: int, max_age_s: float | None) -> None:
        self.ledger.policies[stream] = Policy(drop, keep_newest, max_age_s)
        wanted = StreamPolicy(drop=drop, keep_newest=keep_newest, max_age_s=max_age_s)
        again(lambda: self.store.set_policy(stream, wanted))

    @rule(stream=STREAMS, seconds=st.sampled_from([0.0, 1.0, 4.0, 6.0]))
    def pause_or_resume_or_wait(self, stream: str, seconds: float) -> None:
        if seconds:
            self.ledger.now_s += seconds
            return
        if stream in self.ledger.paused:
            again(lambda: self.store.resume(stream))
        elif len(self.ledger.paused) >= self.limits.streams:
            return  # So many may be paused, and no more.
        else:
            again(lambda: self.store.pause(stream))
        self.ledger.paused ^= {stream}

    @precondition(lambda self: self.ledger.frames)
    @rule(data=st.data())
    def choose(self, data: st.DataObject) -> None:
        frame_id = data.draw(st.sampled_from(sorted(self.ledger.frames)))
        self.next_choice += 1
        choice_id = f"c{self.next_choice}"
        stream = self.ledger.frames[frame_id].stream
        choice = Choice(frame_id=frame_id, stream=stream, weight=0.5, choice_id=choice_id)
        self.ledger.choose(choice_id, frame_id)
        self.seen["choices"] += 1
        for _ in range(2):  # the second is the first's, asked again
            assert again(lambda: self.store.submit_choice(choice)) == choice_id

    @rule(name=WORKERS, impatient=st.booleans())
    def claim_choice(self, name: str, impatient: bool) -> None:
        if impatient:
            expected = self.ledger.claim_choice(name, resuming=True, idle=True)
            with self.opened(claim_idle_s=0.0) as store:
                claim = store.claim_choice(name)
        else:
            store = self.worker(name)
            expected = self.ledger.claim_choice(
                name, self.resuming(name, "choices", self.ledger.asked), idle=False
            )
            claim = store.claim_choice(name)
        assert (claim and claim.choice_id) == expected
        if claim is not None:
            self.fences[claim.choice_id, claim.fence] = self.ledger.choices[claim.choice_id].fence
            self.choice_claims.append(claim)

    @precondition(lambda self: self.choice_claims)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.choice_claims))
        expected = self.ledger.answer(claim.choice_id, self.fences[claim.choice_id, claim.fence])
        self.seen["answers" if expected else "late answers"] += 1
        assert again(lambda: self.store.finish_choice(claim, [])) == expected

    # what always holds

    @invariant()
    def the_store_holds_what_the_ledger_says(self) -> None:
        self.seen["steps"] += 1
        ledger = self.ledger
        pipe = self.store._redis.pipeline(transaction=True)
        pipe.hgetall("ps:counters")
        pipe.hgetall("ps:bytes")
        pipe.xlen("ps:work")
        pipe.xlen("ps:choices")
        pipe.zrevrange("ps:dead-letters", 0, -1)
        pipe.zrange("ps:streams", 0, -1)
        for stream in "abc":
            pipe.zrevrange(f"ps:history:{stream}", 0, -1)
            pipe.zrange(f"ps:waiting:{stream}", 0, -1)
        pipe.keys("ps:pixels:*")
        counters, held, work, asked, dead, streams, *lists, pixels = again(pipe.execute)
        counted = {name.decode(): int(value) for name, value in counters.items()}
        for name, value in ledger.counted.items():
            assert counted.get(f"frames:{name}", 0) == value, name
        opened = [one for one in ledger.frames.values() if one.open]
        ended = sum(ledger.counted[name] for name in ("done", "failed", "dropped"))
        assert ledger.counted["received"] == len(opened) + ended
        assert work == len(opened)
        assert asked == len(ledger.asked)
        assert int(held.get(b"waiting", 0)) == sum(one.nbytes for one in opened)
        assert [one.decode() for one in dead] == list(ledger.dead)[::-1]
        assert sorted(one.decode() for one in streams) == ledger.streams()
        for index, stream in enumerate("abc"):
            frames = ledger.of(stream)
            assert [one.decode() for one in lists[2 * index]] == [one.frame_id for one in frames[::-1]]
            waiting = [one.frame_id for one in frames if one.open]
            assert [one.decode() for one in lists[2 * index + 1]] == waiting
            kept = sum(one.nbytes for one in frames if not one.open)
            assert int(held.get(f"kept:{stream}".encode(), 0)) == kept
        assert {one.decode().removeprefix("ps:pixels:") for one in pixels} == set(ledger.frames)
        for one in ledger.frames.values():
            assert again(partial(self.store.state, one.frame_id)) == one.state

    def teardown(self) -> None:
        """Work off what is left: nothing that was acknowledged may be without its one end."""
        try:
            for policy in list(self.ledger.policies):
                self.set_policy(policy, "wait", 1, None)
            while self.ledger.work:
                self.take_over("w1")
                claim = self.claims[-1]
                assert again(partial(self.store.finish_frame, claim, []))
                fence = self.fences[claim.frame_id, claim.fence]
                assert self.ledger.end(claim.frame_id, fence, "done")
            assert again(partial(self.store.claim_frame, "w1")) is None
            while self.ledger.asked:
                self.claim_choice("w1", impatient=True)
                claim = self.choice_claims[-1]
                assert again(partial(self.store.finish_choice, claim, []))
                assert self.ledger.answer(claim.choice_id, self.fences[claim.choice_id, claim.fence])
            told_ends = Counter(
                event.frame_id
                for _, event in again(partial(self.store.read_events, "0", 5000))
                if event.kind in ("result", "drop") or (event.kind == "fault" and event.frame_id)
            )
            assert told_ends == self.ledger.ends == self.ledger.taken
        finally:
            for store in [self.store, *self.workers.values()]:
                store.close()


def verdict(reply: Reply) -> tuple[str, int]:
    """The bridge's answer in the ledger's words."""
    if isinstance(reply, Ack):
        return ("duplicate", 0) if reply.duplicate else ("ack", reply.gap)
    assert isinstance(reply, BusyNotice | Fault), reply
    return reply.code, 0


def again(step: Callable[[], R]) -> R:
    """Once more over a new connection, where the old one was the killed store's; that did nothing."""
    try:
        return step()
    except (StoreDown, redis.ConnectionError):
        return step()


def trial(size: Size, say: Say) -> Outcome:
    runs = size.times(RUNS, 25)
    Machine.seen.clear()
    say(f"{runs} histories of {STEPS} steps")
    with (
        tempfile.TemporaryDirectory(prefix="ps-model-") as folder,
        EmbeddedStore(Path(folder) / "data") as Machine.server,
    ):
        Machine.server._kept._steady_s = 0.0  # Killed more often than any server would be: back at once.
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=runs,
                stateful_step_count=STEPS,
                deadline=None,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )
    seen = Machine.seen
    names = sorted(set(seen) - {"runs", "steps"})
    return Outcome(
        "model",
        f"{seen['runs']} random histories of bridge, store, workers and choices against a plain model",
        [
            at_least("histories", seen["runs"], RUNS if size.share >= 1 else 0),
            exactly("histories that went another way than the model", 0),
            told("steps compared", seen["steps"]),
            *(told(name, seen[name]) for name in names),
        ],
    )
