"""Workers and the store killed at random instants while frames come and an operator chooses.

    kill -9 ──> worker: the frame it held is finished by its successor
            └─> store:  it reads its file again; senders, workers and readers come back by themselves

Each kill waits for the recovery from the one before, so that every figure is one kill's own.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType

import httpx

from chaos.outcome import Figure, Outcome, Say, Size, at_least, exactly, percentiles, told
from chaos.stage import Stage, answers, until
from chaos.traffic import Books, Traffic, Watch
from paretoscope.adapters.store import Store
from paretoscope.errors import ParetoscopeError, StoreDown

WORKER_KILLS, STORE_KILLS = 1000, 100
RECOVERY_S = 2.0
STREAM = "night"


class Operator:
    """Picks a point of the newest front now and then, and keeps the ids of the choices that were accepted."""

    def __init__(self, stage: Stage, every_s: float = 1.0) -> None:
        self._http = httpx.Client(base_url=stage.url, timeout=10.0)
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="operator", daemon=True)
        self.accepted: list[str] = []

    def __enter__(self) -> Operator:
        self._thread.start()
        return self

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            try:
                newest = self._http.get(f"/v1/streams/{STREAM}/latest").json()["frame_id"]
                body = {"weight": 0.5, "by": "operator"}
                answer = self._http.post(f"/v1/frames/{newest}/choice", params={"wait": 0}, json=body)
                if answer.status_code in (200, 202):
                    self.accepted.append(answer.json()["choice_id"])
            except (httpx.HTTPError, KeyError, ValueError):
                continue  # not accepted: the operator sees that, and picks again

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15.0)

    def unanswered(self, patience_s: float = 60.0) -> list[str]:
        """Accepted choices that neither were answered nor failed for a reason."""
        open_ones = list(self.accepted)

        def settled() -> bool:
            open_ones[:] = [one for one in open_ones if not self._answered(one)]
            return not open_ones

        with contextlib.suppress(TimeoutError):  # What is left is told as lost.
            until(settled, "choices to be answered", patience_s, 0.2)
        return open_ones

    def _answered(self, choice_id: str) -> bool:
        try:
            answer = self._http.get(f"/v1/choices/{choice_id}")
        except httpx.HTTPError:
            return False
        if answer.status_code == 422:
            return True  # a choice that could not be met, with its reason
        return answer.status_code == 200 and answer.json()["state"] == "done"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._http.close()


@dataclass
class Night:
    """One service under load, and what a trial needs to look at it."""

    stage: Stage
    store: Store
    watch: Watch
    traffic: Traffic
    operator: Operator
    dice: random.Random
    life_s: float = 1.0
    """How long a frame lives from one worker's hand to its end, about."""
    in_hand: int = 0
    """Kills that hit a worker with a frame in its hand."""
    wrong: list[str] = field(default_factory=list)
    """Frames that REST tells to be in another state than done, once they are closed."""

    def warm_up(self) -> None:
        """Until frames are tracked; learns how long one takes."""
        until(lambda: len(self.watch.closed_at) >= 3, "the first frames", 120.0)
        begun, closed = time.monotonic(), len(self.watch.closed_at)
        until(lambda: len(self.watch.closed_at) >= closed + 5, "tracked frames", 60.0)
        self.life_s = (time.monotonic() - begun) / 5

    def held(self) -> list[str]:
        """Frames that are in a worker's hand, or were when it died."""
        try:
            waiting = self.store._redis.zrange(f"ps:waiting:{STREAM}", 0, 3)
            names = [one.decode() for one in waiting]  # type: ignore[union-attr]
            return [one for one in names if self.store.state(one) == "working"]
        except ParetoscopeError:
            return []

    def closed_after(self, at_s: float) -> bool:
        newest = max(self.watch.closed_at.values(), default=0.0)
        return newest > at_s

    def check(self, frame_id: str) -> None:
        answer = httpx.get(f"{self.stage.url}/v1/frames/{frame_id}", timeout=10.0)
        if answer.status_code != 200 or answer.json()["state"] != "done":
            self.wrong.append(f"{frame_id}: {answer.status_code} {answer.text:.80}")


def kill_worker(night: Night, before: int) -> tuple[int, float]:
    """Kill the worker that lives now, at a random moment of a frame's life; (its pid, s until recovered)."""
    pid = before

    def another() -> bool:
        nonlocal pid
        try:
            pids = [one.pid for one in night.store.workers()]
        except StoreDown:
            return False
        pid = next((one for one in pids if one != before and _alive(one)), before)
        return pid != before

    until(another, "a worker", 30.0, 0.005)
    time.sleep(night.dice.uniform(0.0, 1.5 * night.life_s))
    at_s = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    held = night.held()
    if held:
        night.in_hand += 1
        until(
            lambda: all(one in night.watch.closed_at for one in held), f"{held} to be finished", 60.0, 0.002
        )
        recovered_s = max(night.watch.closed_at[one] for one in held) - at_s
        night.check(held[0])
    else:
        recovered_s = until(lambda: night.closed_after(at_s), "the next frame", 60.0, 0.002)
    return pid, max(0.0, recovered_s)


def kill_store(night: Night) -> tuple[float, float, float]:
    """Kill the store at a random moment; s until it answers, a frame is acknowledged, a frame is finished."""
    time.sleep(night.dice.uniform(0.3, 0.3 + 3 * night.life_s))
    acknowledged = len(night.traffic.acknowledged)
    pid = night.stage.kill("store")
    at_s = time.monotonic()
    until(lambda: not _alive(pid), "the store to die", 5.0, 0.0005)
    until(lambda: answers(night.store), "the store to answer", 60.0, 0.002)
    answers_s = time.monotonic() - at_s
    until(lambda: len(night.traffic.acknowledged) > acknowledged + 1, "an acknowledgement", 60.0, 0.002)
    takes_s = time.monotonic() - at_s
    until(lambda: night.closed_after(at_s + answers_s), "a result", 60.0, 0.002)
    return answers_s, takes_s, time.monotonic() - at_s


def _alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as told_by_kernel:
            return told_by_kernel.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kill_workers(night: Night, kills: int, whole: bool, say: Say) -> list[Figure]:
    times_s: list[float] = []
    pid = 0
    for kill in range(1, kills + 1):
        pid, recovered_s = kill_worker(night, pid)
        times_s.append(recovered_s)
        if kill % 50 == 0:
            say(f"{kill} workers killed, longest recovery {max(times_s):.2f} s")
    return [
        at_least("workers killed", len(times_s), WORKER_KILLS if whole else 0),
        told("of these with a frame in hand", night.in_hand),
        *percentiles("worker killed to its frame's result", times_s, RECOVERY_S),
    ]


def kill_stores(night: Night, kills: int, whole: bool, say: Say) -> list[Figure]:
    times_s: list[tuple[float, float, float]] = []
    for kill in range(1, kills + 1):
        times_s.append(kill_store(night))
        if kill % 10 == 0:
            say(f"{kill} stores killed, longest recovery {max(one[2] for one in times_s):.2f} s")
    return [
        at_least("stores killed", len(times_s), STORE_KILLS if whole else 0),
        *percentiles("store killed to its next answer", [one[0] for one in times_s], RECOVERY_S),
        *percentiles("store killed to the next acknowledgement", [one[1] for one in times_s], RECOVERY_S),
        *percentiles("store killed to the next result", [one[2] for one in times_s], RECOVERY_S),
    ]


def _books(night: Night, books: Books, lost_choices: list[str]) -> list[Figure]:
    counted = night.store.counters()
    ends = sum(counted.get(f"frames:{state}", 0) for state in ("done", "failed", "dropped"))
    return [
        told("frames acknowledged", books.acknowledged),
        exactly("acknowledged frames lost", len(books.lost)),
        exactly("frames with more than one result", len(books.doubled)),
        exactly("frames failed or dropped", books.faults + books.dropped),
        exactly("frames not 'done' by REST", len(night.wrong)),
        exactly("received less ended, by the store's counters", counted["frames:received"] - ends),
        told("choices accepted", len(night.operator.accepted)),
        exactly("accepted choices lost", len(lost_choices)),
        told("choices given up after three dead workers", counted.get("fault:worker-died", 0)),
        told("late writes refused", counted.get("frames:fenced", 0)),
    ]


def trial(size: Size, say: Say) -> Outcome:
    workers, stores = size.times(WORKER_KILLS, 5), size.times(STORE_KILLS, 2)
    whole = size.share >= 1
    with (
        Stage() as stage,
        stage.store() as store,
        Watch(stage) as watch,
        Traffic(stage, STREAM, every_s=0.15) as traffic,
        Operator(stage) as operator,
    ):
        night = Night(stage, store, watch, traffic, operator, random.Random(1))
        night.warm_up()
        figures = kill_workers(night, workers, whole, say) + kill_stores(night, stores, whole, say)
        operator.stop()
        traffic.stop()
        figures += _books(night, watch.settle(traffic), operator.unanswered())
    what = (
        f"kill -9 of the worker {workers} times, of the store {stores} times, at random instants under load"
    )
    return Outcome("kills", what, figures)
