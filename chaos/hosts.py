"""Two hosts with a worker each on one shared store; one is cut off in the middle of a frame and comes back.

A cut loses every packet and tells nobody, for longer than ``limits.claim_idle_s``, so that half-open
connections remain on both sides. The cut-off worker finishes its frame meanwhile and tries to write the
result when it is back, which must be refused where the other host has taken the frame over.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from itertools import cycle, islice
from pathlib import Path

from chaos._network import in_a_world_of_its_own, refusal
from chaos._site import ALPHA, BETA, INSTRUMENT, STORE, Site, held_by
from chaos.outcome import Figure, Outcome, Say, Size, at_least, exactly, percentiles, told
from chaos.stage import until
from chaos.traffic import Traffic, Watch
from paretoscope.contract.policy import SegmentPolicy, StreamPolicy

ROOT = Path(__file__).parents[1]
STREAM = "night"
EVERY_S = 0.7
"""Between frames. One worker keeps that pace: each is tuned for half a second at most."""
DEADLINE_S = 0.6
CLAIM_IDLE_S = 10.0
LONGER_S = 2.0
"""A host stays away for so much longer than a silent worker keeps its frame."""
BACK_S = 60.0
"""The longest that anything may take to come back."""


@dataclass
class Cuts:
    """What was seen at all cuts."""

    made: Counter[str] = field(default_factory=Counter)
    too_late: int = 0
    """Cuts after the frame had its result: made again."""
    taken_over_s: list[float] = field(default_factory=list)
    """From the cut until the other host's worker held the frame."""
    finished_s: list[float] = field(default_factory=list)
    """From the cut until that frame had its result."""
    meanwhile: int = 0
    """Other frames that the remaining host finished while beta was away."""
    refused: int = 0
    """Cut-off workers whose late writes were refused when they were back."""
    back_s: dict[str, list[float]] = field(default_factory=dict)
    """From when the host was back until it did its work again."""


class Scissors:
    def __init__(self, site: Site, watch: Watch, traffic: Traffic, say: Say) -> None:
        self._site, self._watch, self._traffic, self._say = site, watch, traffic, say
        self._store = site.store()
        self._away_s = site.claim_idle_s + LONGER_S
        self._dice = random.Random(0)
        self.seen = Cuts()

    def cut_worker(self, host: str) -> None:
        """Cut `host` off while its worker has a frame, until the other has finished it, and look on."""
        store, seen, other = self._store, self.seen, ALPHA if host == BETA else BETA
        frame_id = self._cut_mid_frame(host)
        cut_s, ended = time.monotonic(), len(self._watch.closes)
        until(lambda: held_by(store).get(other) == frame_id, f"{other} to take {frame_id} over", BACK_S, 0.02)
        seen.taken_over_s.append(time.monotonic() - cut_s)
        until(lambda: frame_id in self._watch.closes, f"{frame_id} to be finished", BACK_S)
        seen.finished_s.append(self._watch.closed_at[frame_id] - cut_s)
        time.sleep(max(0.0, cut_s + self._away_s - time.monotonic()))
        if host == BETA:
            seen.meanwhile += len(self._watch.closes) - ended - 1
        fenced = self._fenced()
        with self._back(host):
            until(lambda: self._works_again(host, frame_id), f"{host} to work again", BACK_S, 0.02)
        seen.refused += self._fenced() > fenced

    def _cut_mid_frame(self, host: str) -> str:
        while True:
            until(lambda: host in held_by(self._store), f"{host} to hold a frame", BACK_S, 0.005)
            time.sleep(self._dice.uniform(0.0, DEADLINE_S / 2))
            self._site.network.cut(host)
            time.sleep(0.05)  # what was on its way has come by now
            frame_id = held_by(self._store).get(host)
            if frame_id is not None and self._store.state(frame_id) == "working":
                return frame_id
            self.seen.too_late += 1
            self._site.network.join(host)

    def _works_again(self, host: str, cut_frame: str) -> bool:
        return held_by(self._store).get(host, cut_frame) != cut_frame

    def _fenced(self) -> int:
        return self._store.counters().get("frames:fenced", 0)

    def cut_store(self) -> None:
        """Nobody reaches the store for a while."""
        self._site.network.cut(STORE)
        time.sleep(self._away_s)
        ended = len(self._watch.closes)
        with self._back(STORE):
            until(lambda: len(self._watch.closes) > ended, "a result", BACK_S)

    def cut_instrument(self) -> None:
        """The sender reaches no bridge for a while."""
        self._site.network.cut(INSTRUMENT)
        time.sleep(self._away_s)
        known = len(self._traffic.acknowledged)
        with self._back(INSTRUMENT):
            until(lambda: len(self._traffic.acknowledged) > known, "an acknowledgement", BACK_S)

    @contextmanager
    def _back(self, host: str) -> Iterator[None]:
        """Join the host again and take the time of what the block waits for."""
        self._site.network.join(host)
        begun_s = time.monotonic()
        yield
        took_s = time.monotonic() - begun_s
        self.seen.made[host] += 1
        self.seen.back_s.setdefault(host, []).append(took_s)
        self._say(f"{host} was cut off and works again after {took_s:.1f} s")


def inside(size: Size, say: Say) -> Outcome:
    """The trial itself, in a world of its own."""
    idle_s = CLAIM_IDLE_S if size.share >= 0.2 else 2.0
    worker_cuts, other_cuts = size.times(20, 1), size.times(5, 0)
    with ExitStack() as stack:
        site = Site(idle_s)
        stack.callback(site.stop)
        try:
            site.start()
            store = stack.enter_context(site.store())
            policy = StreamPolicy(deadline_s=DEADLINE_S, tracking="off", segment=SegmentPolicy(enabled=False))
            store.set_policy(STREAM, policy)
            watch = stack.enter_context(Watch(site))
            with site.network.within(INSTRUMENT):
                sender = Traffic(site, STREAM, every_s=EVERY_S, keys=site.sender_keys)
                traffic = stack.enter_context(sender)
            scissors = Scissors(site, watch, traffic, say)
            for host in islice(cycle((BETA, ALPHA)), worker_cuts):
                scissors.cut_worker(host)
            for _ in range(other_cuts):
                scissors.cut_store()
                scissors.cut_instrument()
            traffic.stop()
            books = watch.settle(traffic)
        except TimeoutError as error:
            raise RuntimeError(f"{error}\n{site.said()}") from error
        seen, counters = scissors.seen, store.counters()
    figures: list[Figure] = [
        *[told(f"cuts of {host}", count) for host, count in sorted(seen.made.items())],
        at_least(
            "cuts of a worker's host in the middle of a frame",
            len(seen.finished_s),
            20 if size.share >= 1 else 0,
        ),
        told("frames acknowledged", books.acknowledged),
        exactly("acknowledged frames lost", len(books.lost)),
        exactly("duplicate results", len(books.doubled)),
        exactly("frames given up", books.faults),
        at_least("cut-off workers whose late writes were refused", seen.refused, -(-worker_cuts // 2)),
        told("late writes refused", counters.get("frames:fenced", 0)),
        told("other frames finished by alpha while beta was away", seen.meanwhile),
        told("a silent worker keeps its frame for", idle_s, "s"),
        *percentiles("cut until the other host had the frame", seen.taken_over_s, idle_s + 5.0),
        *percentiles("cut until the frame had its result", seen.finished_s),
    ]
    for host, times in sorted(seen.back_s.items()):
        figures.append(told(f"{host} back until it did its work again, longest", max(times), "s"))
    what = (
        f"Hosts of a shared store cut off without a word for {idle_s + LONGER_S:g} s and more, "
        f"{sum(seen.made.values())} times, at {1 / EVERY_S:.1f} frames a second, each tuned"
    )
    return Outcome("hosts", what, figures)


def trial(size: Size, say: Say) -> Outcome:
    refused = refusal()
    if refused is not None:
        say(refused)
        return Outcome("hosts", f"Not run: {refused}", [])
    command = [sys.executable, "-m", "chaos.hosts", str(size.share)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    lines: list[str] = []
    with subprocess.Popen(
        in_a_world_of_its_own(command), env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as running:
        assert running.stdout is not None
        for line in running.stdout:
            kind, _, rest = line.partition(" ")
            if kind == "say":
                say(rest.rstrip())
            elif kind == "outcome":
                lines.append(rest)
    if running.returncode or not lines:
        raise RuntimeError(f"the trial between hosts ended with code {running.returncode}")
    kept = json.loads(lines[0])
    return Outcome(kept["trial"], kept["what"], [Figure(**one) for one in kept["figures"]], kept["series"])


def main(share: str) -> None:
    def say(line: str) -> None:
        print("say", line, flush=True)

    print("outcome", json.dumps(asdict(inside(Size(float(share)), say))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
