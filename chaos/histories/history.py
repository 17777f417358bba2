"""A real store and bridge beside their ledger; and everything that may be killed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeVar

import redis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from chaos._ledger import Ledger
from chaos.stage import answers, until
from paretoscope.adapters.store import ChoiceClaim, Claim, Store
from paretoscope.adapters.store.launch import EmbeddedStore
from paretoscope.bridge.reception import Reception
from paretoscope.bridge.session import Session
from paretoscope.bridge.tally import Tally
from paretoscope.contract import FrameHeader
from paretoscope.errors import StoreDown
from paretoscope.settings import Limits

STREAMS = st.sampled_from(["a", "b", "c"])
EPOCHS = st.sampled_from(["e1", "e2"])
WORKERS = st.sampled_from(["w1", "w2", "w3"])
SIDES = st.sampled_from([4, 4, 4, 4, 512])
"""Pixels; two of the large frames fill the backlog, two the history."""
R = TypeVar("R")


class History(RuleBasedStateMachine):
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
            choices=bounds.choices,
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

    def the_store_is_killed(self) -> None:
        self.seen["store kills"] += 1
        pid = self.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: self.server.pid not in (None, pid) and answers(self.store), "the store", 30.0, 0.005)
        for worker in list(self.workers):
            self.worker_dies(worker)

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


def again(step: Callable[[], R]) -> R:
    """Once more over a new connection, where the old one was the killed store's; that did nothing."""
    try:
        return step()
    except (StoreDown, redis.ConnectionError):
        return step()
