"""A long night: two frames a second for an hour, with kills, fools, slow viewers, picks and second streams.

    minutes  0 ....... 20 ................................ 60
    kills    worker, bridge, API, store, in turn |
    company  malformed messages, slow viewers, listeners that come and go, picks, policies, all the time
    memory               warm-up ends at 25 |  slope of each part to the end
    latency                                 |  p99 of each 5 minutes

A killed part begins its memory anew, so that growth is told from where the last of them began; the part that
was never killed, the supervisor, from minute 5.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chaos._company import Company
from chaos._memory import PARTS, Scales, by_minute
from chaos._night import SIDE_PX, VIEWS, Killer, Listener, drifting_views
from chaos.outcome import Figure, Outcome, Say, Size, exactly, stopwatch, told, under
from chaos.stage import Stage, until
from chaos.traffic import Books, Traffic, Watch
from paretoscope.contract import StreamPolicy
from paretoscope_client import Client

WHOLE_MINUTES = 60.0
STORM_SHARE, WARM_SHARE, EARLY_SHARE = 1 / 3, 5 / 12, 1 / 12
"""Of the time: until when parts are killed, from when memory and latency are judged; for the supervisor."""
KILL_EVERY_S = 60.0
FRAMES_PER_S = 2.0
STREAM, SECOND = "night", "second"
LIMITS: dict[str, Any] = {
    "limits__history_frames": "60",
    "limits__events": "4000",
    "limits__audit": "200",
    "limits__choices": "50",
}
"""Small ones, reached within the first minutes: what is kept does not grow after that."""
SLOPE_GOAL = 1.0
FLAT = 1.25
"""p99 of the last third of the judged time against the first third: what still counts as flat."""
BIN_MIN = 5.0
PICTURE = Path(__file__).parents[1] / "docs" / "images" / "soak.png"


@dataclass(frozen=True)
class Night:
    """Everything that was seen, for ``figures``."""

    minutes: float
    whole: bool
    books: Books
    sent: list[str]
    """Frames of the first stream that were acknowledged."""
    scales: Scales
    listener: Listener
    killer: Killer
    company: Company
    counters: dict[str, int]

    def judged(self, from_share: float = WARM_SHARE, to_share: float = 1.01) -> list[float]:
        """Latencies of that part of the night, ms."""
        begin, end = from_share * self.minutes, to_share * self.minutes
        return [ms for minute, ms in self.listener.latency if begin <= minute < end]


def trial(size: Size, say: Say) -> Outcome:
    whole_s = size.seconds(WHOLE_MINUTES * 60, 12.0)
    hurry = max(1.0, 300.0 / whole_s)
    images = drifting_views(size.times(VIEWS, 24))
    with ExitStack() as stack:
        stage = stack.enter_context(Stage(durability="always", **LIMITS))
        with Client(stage.url) as client:
            client.set_policy(STREAM, StreamPolicy(lattice="SrTiO3"))
            client.set_policy(SECOND, StreamPolicy(lattice="SrTiO3", drop="newest", keep_newest=2))
        begun_s = time.monotonic()
        watch = stack.enter_context(Watch(stage))
        scales = stack.enter_context(Scales(stage, every_s=min(5.0, whole_s / 24)))
        listener = stack.enter_context(Listener(stage, STREAM))
        killer = stack.enter_context(Killer(stage, KILL_EVERY_S / hurry, begun_s + STORM_SHARE * whole_s))
        company = stack.enter_context(Company(stage, STREAM, hurry=min(hurry, 5.0)))
        first = stack.enter_context(Traffic(stage, STREAM, every_s=1 / FRAMES_PER_S, images=images))
        bursts = Traffic(stage, SECOND, every_s=20.0 / hurry, images=images[:8], burst=6)
        second = stack.enter_context(bursts)
        while (left_s := begun_s + whole_s - time.monotonic()) > 0:
            time.sleep(min(left_s, 60.0 - (time.monotonic() - begun_s) % 60.0))
            say(_progress(first, watch, scales, killer))
        minutes = (time.monotonic() - begun_s) / 60
        first.stop()
        second.stop()
        books = watch.settle(first, second)
        sent = list(first.acknowledged)
        with contextlib.suppress(TimeoutError):  # what it missed is told
            until(lambda: all(one in listener.heard for one in sent), "the listener", 30.0, 0.1)
        with stage.store() as store:
            counters = store.counters()
    night = Night(minutes, size.share >= 1, books, sent, scales, listener, killer, company, counters)
    what = (
        f"{FRAMES_PER_S:g} frames of {SIDE_PX} x {SIDE_PX} px a second for {minutes:.1f} minutes, "
        f"{sum(killer.kills.values())} kills in the first third of it; malformed messages, slow viewers, "
        "listeners that come and go, picks, policy changes and a second, dropping stream all the time"
    )
    return Outcome("soak", what, figures(night), series(night, begun_s))


def figures(night: Night) -> list[Figure]:
    heard = night.listener.heard
    return [
        told("frames acknowledged", night.books.acknowledged),
        exactly("acknowledged frames lost", len(night.books.lost)),
        exactly("duplicate results", len(night.books.doubled)),
        exactly("ends of frames that a REST listener missed", sum(one not in heard for one in night.sent)),
        exactly("ends of frames that it heard twice", sum(count > 1 for count in heard.values())),
        exactly("unforeseen errors of clients", len(night.company.unforeseen)),
        *[told(f"kills of the {part}", count) for part, count in sorted(night.killer.kills.items())],
        *[told(f"{name.replace('_', ' ')}s", count) for name, count in sorted(night.company.did.items())],
        told("frames of the second stream dropped and counted", night.books.dropped),
        told("frames that ended in a fault", night.books.faults),
        told("frames tracked", night.listener.modes["tracking"]),
        told("late results of killed workers refused", night.counters.get("frames:fenced", 0)),
        *[figure for part in PARTS for figure in _memory(night, part)],
        told("data folder, most", max((mib for _, mib in night.scales.disk), default=math.nan), "MiB"),
        *_latency(night),
    ]


def _memory(night: Night, part: str) -> list[Figure]:
    """Growth after warm-up with its 95 % interval, and the most there ever was."""
    share = EARLY_SHARE if part == "supervisor" else WARM_SHARE
    slope, low, high = night.scales.slope_mib_per_h(part, share * night.minutes)
    name = f"memory of the {part}: growth"
    most = max((held for _, held, _ in night.scales.weights[part]), default=math.nan)
    return [
        under(name, slope, SLOPE_GOAL, "MiB/h") if night.whole else told(name, slope, "MiB/h"),
        told(f"memory of the {part}: growth, 95 % interval", f"{low:.2f} to {high:.2f}", "MiB/h"),
        told(f"memory of the {part}: most", most, "MiB"),
    ]


def _latency(night: Night) -> list[Figure]:
    third = (1 - WARM_SHARE) / 3
    before = percentile(night.judged(WARM_SHARE, WARM_SHARE + third), 99)
    ratio = percentile(night.judged(1 - third), 99) / before
    flat = "frame to result: p99 of the last third of the judged time against its first"
    return [
        told("frame to result: p50", percentile(night.judged(), 50), "ms"),
        told("frame to result: p99", percentile(night.judged(), 99), "ms"),
        told(
            "frame to result: p99 while parts were killed", percentile(night.judged(0, STORM_SHARE), 99), "ms"
        ),
        under(flat, ratio, FLAT) if night.whole else told(flat, ratio),
    ]


def series(night: Night, begun_s: float) -> dict[str, list[float]]:
    bins = np.arange(0.0, night.minutes, BIN_MIN) / night.minutes
    width = BIN_MIN / night.minutes
    return {
        **{f"{part}_mib": night.scales.by_minute(part) for part in PARTS},
        "data_folder_mib": by_minute(night.scales.disk),
        **{f"p{q}_ms": [percentile(night.judged(at, at + width), q) for at in bins] for q in (50, 99)},
        "kills_min": [(at - begun_s) / 60 for at in night.killer.struck_s],
    }


def percentile(values: list[float], q: float) -> float:
    return float(np.percentile(values, q)) if values else math.nan


def _progress(first: Traffic, watch: Watch, scales: Scales, killer: Killer) -> str:
    memory = ", ".join(f"{part} {rows[-1][1]:.0f}" for part, rows in scales.weights.items() if rows)
    return (
        f"{len(first.acknowledged)} of {first.sent} frames acknowledged, {len(watch.closes)} ended, "
        f"{sum(killer.kills.values())} kills; MiB: {memory}, disk {scales.disk[-1][1]:.0f}"
    )


def draw(outcome: Outcome, path: Path = PICTURE) -> None:
    """Memory of each part and latency over the night."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    drawing, (above, below) = pyplot.subplots(2, 1, figsize=(9, 6), sharex=True, layout="constrained")
    for part in PARTS:
        values = np.array(outcome.series[f"{part}_mib"])
        above.plot(np.arange(len(values)) + 0.5, values, label=part)
    above.set(ylabel="resident memory, MiB", ylim=(0, None))
    above.legend(ncols=len(PARTS), fontsize="small")
    for q in (50, 99):
        values = np.array(outcome.series[f"p{q}_ms"])
        below.step(np.arange(len(values)) * BIN_MIN, values, where="post", label=f"p{q}")
    below.set(ylabel="frame to result, ms", xlabel="minutes", ylim=(0, None))
    below.legend(fontsize="small")
    for axes in (above, below):
        for at in outcome.series["kills_min"]:
            axes.axvline(at, color="0.85", linewidth=0.8, zorder=0)
    drawing.savefig(path, dpi=110)
    pyplot.close(drawing)


def main() -> int:
    ask = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    ask.add_argument("--minutes", type=float, default=WHOLE_MINUTES)
    ask.add_argument("--picture", type=Path, help="where to draw memory and latency")
    given = ask.parse_args()
    elapsed = stopwatch()
    outcome = trial(
        Size(given.minutes / WHOLE_MINUTES), lambda line: print(f"[{elapsed():5.0f} s] {line}", flush=True)
    )
    print("\n".join(outcome.lines()))
    if given.picture:
        draw(outcome, given.picture)
    return 0 if outcome.met else 1


if __name__ == "__main__":
    raise SystemExit(main())
