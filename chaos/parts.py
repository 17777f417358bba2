"""Bridge, API and supervisor killed at random moments, with a sender and two REST readers that nobody helps.

kill -9 ──> bridge, API:  the supervisor starts them again on the sockets it holds
        └─> supervisor:   everything dies with it; `paretoscope serve` is started again, as a service
                          manager would
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass

import httpx

from chaos._readers import Readers
from chaos.outcome import Figure, Outcome, Say, Size, at_least, exactly, percentiles, told
from chaos.stage import Stage, until
from chaos.traffic import Traffic, Watch

KILLS = 100
STREAM = "night"
READY_EVERY = 5
"""So often all workers are waited for: frames are taken long before, and must not fill the backlog."""


@dataclass
class Run:
    stage: Stage
    traffic: Traffic
    readers: Readers
    dice: random.Random
    ends_s: tuple[float, float] = (0.2, 1.5)
    """Between recovery and the next kill, s."""

    def pause(self) -> None:
        time.sleep(self.dice.uniform(*self.ends_s))

    def until_taken(self, after_s: float) -> float:
        """Until a frame that was sent after `after_s` is acknowledged; s since then."""
        sent = self.traffic.sent
        until(lambda: len(self.traffic.acknowledged) > sent, "an acknowledgement", 60.0, 0.005)
        return time.monotonic() - after_s

    def until_answers(self, after_s: float) -> float:
        """Until the API answers; s since `after_s`."""

        def answers() -> bool:
            try:
                return httpx.get(f"{self.stage.url}/healthz", timeout=60.0).status_code == 200
            except httpx.HTTPError:
                return False

        until(answers, "the API to answer", 60.0, 0.01)
        return time.monotonic() - after_s


def kill_bridges(run: Run, kills: int, say: Say) -> list[float]:
    times_s = []
    for kill in range(1, kills + 1):
        run.pause()
        run.stage.kill("bridge")
        times_s.append(run.until_taken(time.monotonic()))
        if kill % 20 == 0:
            say(f"{kill} bridges killed, longest recovery {max(times_s):.2f} s")
    return times_s


def kill_apis(run: Run, kills: int, say: Say) -> tuple[list[float], list[float]]:
    """s until it answers; s until the listener hears again."""
    times_s, heard_s = [], []
    for kill in range(1, kills + 1):
        run.pause()
        run.stage.kill("api")
        at_s = time.monotonic()
        times_s.append(run.until_answers(at_s))
        back_s = time.monotonic()
        until(lambda since=back_s: run.readers.heard_s > since, "the listener to hear", 60.0, 0.005)
        heard_s.append(time.monotonic() - at_s)
        if kill % 20 == 0:
            say(f"{kill} APIs killed, longest recovery {max(times_s):.2f} s")
    return times_s, heard_s


def kill_supervisors(run: Run, kills: int, say: Say) -> tuple[list[float], list[float]]:
    """s until frames are acknowledged, and until the API answers, from the moment of the new start."""
    taken_s, answers_s = [], []
    for kill in range(1, kills + 1):
        run.pause()
        run.stage.kill("supervisor")
        at_s = time.monotonic()
        run.stage.start()
        taken_s.append(run.until_taken(at_s))
        answers_s.append(run.until_answers(at_s))
        if kill % READY_EVERY == 0 or kill == kills:
            run.stage.wait_ready()
        if kill % 20 == 0:
            say(f"{kill} supervisors killed, longest until a frame was taken {max(taken_s):.2f} s")
    return taken_s, answers_s


def trial(size: Size, say: Say) -> Outcome:
    kills = size.times(KILLS, 1)
    goal = KILLS if size.share >= 1 else 0
    with (
        Stage() as stage,
        Watch(stage) as watch,
        Readers(stage.url, STREAM) as readers,
        Traffic(stage, STREAM, every_s=0.2) as traffic,
    ):
        run = Run(stage, traffic, readers, random.Random(2))
        until(lambda: len(watch.closes) >= 3, "the first results", 120.0)
        bridges_s = kill_bridges(run, kills, say)
        apis_s, heard_s = kill_apis(run, kills, say)
        starts_s, starts_api_s = kill_supervisors(run, kills, say)
        traffic.stop(120.0)
        books = watch.settle(traffic)
        missed, doubled = readers.settle(list(traffic.acknowledged))
        with stage.store() as store:
            counted = store.counters()
        code = stage.stop()
    figures: list[Figure] = [
        at_least("bridges killed", len(bridges_s), goal),
        *percentiles("bridge killed to the next acknowledgement", bridges_s),
        at_least("APIs killed", len(apis_s), goal),
        *percentiles("API killed to its next answer", apis_s),
        *percentiles("API killed until a listener hears again", heard_s),
        at_least("supervisors killed", len(starts_s), goal),
        *percentiles("`serve` started again to the next acknowledgement", starts_s),
        *percentiles("`serve` started again to the API's next answer", starts_api_s),
        told("frames acknowledged", books.acknowledged),
        exactly("acknowledged frames lost", len(books.lost)),
        exactly("frames with more than one result", len(books.doubled)),
        exactly("frames failed or dropped", books.faults + books.dropped),
        exactly("frames refused or given up by the sender", len(traffic.refused)),
        exactly("gaps told of frames that did come", traffic.missing),
        told("frames sent again and recognised", traffic.duplicates),
        exactly("frames whose end the listener never heard", len(missed)),
        exactly("frames heard or polled twice", len(doubled)),
        exactly("errors that readers' programs saw", len(readers.broke)),
        exactly("bridges and APIs that were not counted", 2 * kills - _died(counted)),
        exactly("exit code at the end", -1 if code is None else code),
    ]
    what = f"kill -9 of bridge, API and supervisor, {kills} times each, under load with REST readers"
    return Outcome("parts", what, figures)


def _died(counted: dict[str, int]) -> int:
    return counted.get("bridges:died", 0) + counted.get("apis:died", 0)
