"""A tracking stream through the whole service: last pixel at the bridge to atom map in a REST client.

    python benchmarks/tracking.py [--frames 240] [--pace-s 0.4] [--picks 20] [--json FILE]

Store, bridge, worker and API run as processes of their own, as `paretoscope serve` runs them. A sender gives
512 x 512 frames at a steady pace: a drifting specimen, fresh shot noise in each. A client long-polls
`GET /v1/streams/{stream}/latest` and fetches the columns of each new result; the clock starts when the bridge
has the last byte (`ledger.received_at`) and stops when the columns are arrays in the client. Beside it
skimage.feature.blob_log alone, with the parameters that the service uses, on the same pixels.

Then picks: every frame is tuned (`tracking` off), and while one is, a point of the front before is chosen by
`POST /v1/frames/{id}/choice`; the time is from the request to the re-detected result in the answer.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from skimage.feature import blob_log

from paretoscope.cli.service import Service
from paretoscope.contract import LogParams, StreamPolicy
from paretoscope.core.intensity import to_unit
from paretoscope.settings import Settings
from paretoscope_client import Client, FrameSender
from paretoscope_sim import Scan, make_sample, render

STREAM, SIDE_PX, PIXEL_NM = "tracked", 512, 0.0234
DRIFT_PX = (0.21, -0.13)
"""Of the specimen from frame to frame."""
COUNTS = 60.0
"""Electrons on the brightest pixel, about."""
TUNING_S = 60.0

Row = dict[str, Any]


class Specimen:
    """Frames of one specimen that drifts, each with shot noise of its own."""

    def __init__(self, frames: int) -> None:
        room = int(max(abs(step) for step in DRIFT_PX) * frames) + 2
        side = SIDE_PX + room
        sample = make_sample("SrTiO3", field_nm=side * PIXEL_NM, margin_nm=2.0, seed=1)
        long = Scan(shape=(side, side), field_of_view_nm=side * PIXEL_NM, dwell_us=2000.0)
        mean = render(sample, long, seed=0).image.astype(np.float64)
        self._mean = COUNTS * (mean - mean.min()) / np.ptp(mean)
        self._start = [0 if step > 0 else room for step in DRIFT_PX]

    def frame(self, number: int) -> np.ndarray:
        y, x = (int(start + step * number) for start, step in zip(self._start, DRIFT_PX, strict=True))
        part = self._mean[y : y + SIDE_PX, x : x + SIDE_PX]
        return np.random.default_rng(number).poisson(part).astype(np.uint16)


class Reader(threading.Thread):
    """A control loop: long-poll, fetch the columns, long-poll."""

    def __init__(self, url: str, frames: int) -> None:
        super().__init__(daemon=True)
        self._url, self._frames = url, frames
        self.found: list[Row] = []

    def run(self) -> None:
        after = None
        with Client(self._url, timeout_s=60.0) as client:
            while len(self.found) < self._frames:
                view = client.latest(STREAM, after=after, wait_s=20.0)
                if view is None:
                    return
                told_s = time.time()
                columns = client.atoms(view.frame_id)
                got_s = time.time()
                after, ledger = view.frame_id, view.ledger
                assert ledger is not None
                assert ledger.published_at is not None
                received_s, stored_s = map(_seconds, (ledger.received_at, ledger.published_at))
                self.found.append(
                    {
                        "mode": ledger.mode,
                        "atoms": len(columns["y_px"]),
                        "total": 1e3 * (got_s - received_s),
                        "stages": {one.name: one.ms for one in ledger.stages}
                        | {
                            "store to client": 1e3 * (told_s - stored_s),
                            "columns": 1e3 * (got_s - told_s),
                        },
                        "params": view.params,
                    }
                )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def share(values: list[float], percent: float) -> float:
    return float(np.percentile(values, percent)) if values else float("nan")


def row(what: str, values: list[float], note: str = "") -> Row:
    at = {f"p{percent}": share(values, percent) for percent in (50, 95, 99)}
    return {"what": what, "frames": len(values), **at, "note": note}


def track(service: Service, specimen: Specimen, frames: int, pace_s: float) -> tuple[list[Row], LogParams]:
    reader = Reader(service.url, frames)
    meta = {"pixel_size_nm": PIXEL_NM, "dwell_us": 8.0, "detector": "HAADF"}
    with FrameSender(service.frames_address, STREAM) as sender, Client(service.url, timeout_s=60.0) as client:
        client.set_policy(STREAM, StreamPolicy(lattice="SrTiO3"))
        first = sender.send(specimen.frame(0), **meta)
        client.result(first.frame_id, timeout_s=TUNING_S)
        reader.start()
        due = time.monotonic()
        for number in range(1, frames + 1):
            due += pace_s
            time.sleep(max(0.0, due - time.monotonic()))
            sender.send(specimen.frame(number), **meta)
        reader.join(20.0)
    tracked = [one for one in reader.found if one["mode"] == "tracking"]
    again = len(reader.found) - len(tracked)
    rows = [
        row(
            "last pixel at the bridge to columns in the client",
            [one["total"] for one in tracked],
            f"{again} frames more were tuned; {statistics.median(one['atoms'] for one in tracked):.0f} atoms",
        )
    ]
    names = dict.fromkeys(name for one in tracked for name in one["stages"])
    rows += [row(f"- {name}", [one["stages"].get(name, 0.0) for one in tracked]) for name in names]
    return rows, tracked[-1]["params"]


def picks(service: Service, specimen: Specimen, count: int) -> list[Row]:
    """Choices on the frame before, each while the next one is being tuned."""
    beside, busy_before = [], []
    meta = {"pixel_size_nm": PIXEL_NM, "dwell_us": 8.0, "detector": "HAADF"}
    with (
        FrameSender(service.frames_address, "picked") as sender,
        Client(service.url, timeout_s=60.0) as client,
    ):
        client.set_policy("picked", StreamPolicy(lattice="SrTiO3", tracking="off"))
        known = sender.send(specimen.frame(0), **meta).frame_id
        client.result(known, timeout_s=TUNING_S)
        for number in range(1, count + 1):
            frame_id = sender.send(specimen.frame(number), **meta).frame_id
            time.sleep(0.15 + 0.02 * (number % 8))  # anywhere in the search
            busy = client.frame(frame_id).state == "working"
            begun = time.perf_counter()
            client.choose(known, weight=(number % 5) / 4, scope="frame", wait_s=20.0)
            beside.append(1e3 * (time.perf_counter() - begun))
            busy_before.append(busy and client.frame(frame_id).state == "working")
            client.result(frame_id, timeout_s=TUNING_S)
            known = frame_id
        alone = []
        for number in range(count):
            begun = time.perf_counter()
            client.choose(known, weight=(number % 5) / 4, scope="frame", wait_s=20.0)
            alone.append(1e3 * (time.perf_counter() - begun))
    during = [ms for ms, busy in zip(beside, busy_before, strict=True) if busy]
    return [
        row("a pick while a frame is tuned, request to answer", beside, f"{len(during)} wholly inside it"),
        row("a pick, nothing else to do", alone),
    ]


def times_ms(work: Callable[[], object], runs: int = 5) -> list[float]:
    times = []
    for _ in range(runs):
        begun = time.perf_counter()
        work()
        times.append(1e3 * (time.perf_counter() - begun))
    return times


def measure(frames: int, pace_s: float, pick_count: int) -> list[Row]:
    specimen = Specimen(frames + 1)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), frames="tcp://127.0.0.1:0", http_port=0, log_level="warning")
        with Service(settings, workers=1) as service:
            while not service.ready():
                time.sleep(0.1)
            rows, params = track(service, specimen, frames, pace_s)
            rows += picks(service, specimen, pick_count) if pick_count else []
    unit = to_unit(specimen.frame(1))
    asked: Any = params.model_dump(include={"num_sigma", "threshold", "overlap"})
    asked |= {"min_sigma": params.sigma_min, "max_sigma": params.sigma_max}
    alone = times_ms(lambda: blob_log(unit, **asked))
    return [*rows, row("blob_log alone, the same parameters", alone, f"{params.num_sigma} sigmas")]


def table(rows: list[Row]) -> str:
    lines = ["| what | frames | p50 ms | p95 | p99 | |", "|---|---|---|---|---|---|"]
    for one in rows:
        cells = " | ".join(f"{one[name]:.1f}" for name in ("p50", "p95", "p99"))
        lines.append(f"| {one['what']} | {one['frames']} | {cells} | {one['note']} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--pace-s", type=float, default=0.4)
    parser.add_argument("--picks", type=int, default=20)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = measure(given.frames, given.pace_s, given.picks)
    print(table(rows))
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
