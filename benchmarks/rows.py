"""From a frame's last row to its atom map, sent in blocks of rows and sent whole, on one running service.

    python benchmarks/rows.py [--frames 40] [--scan-s 0.5] [--rows 32] [--size 512] [--json FILE]

A store, a bridge and a worker process run as `paretoscope serve` runs them. The first frame is tuned, the
others are tracked; they take turns: one as blocks of rows spread over the scan's time, one whole at its end.
The clock starts when the sender is given the last row (or the image) and stops when the event is heard that
says the atom map is in the store.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from paretoscope.cli.service import Service
from paretoscope.contract import Ledger, StreamPolicy
from paretoscope.settings import Settings
from paretoscope_client import FrameSender
from paretoscope_sim import Scan, make_sample, render

STREAM = "bench"
TUNING_S = 30.0
PAUSE_S = 0.3
"""Between two frames: the instrument's set-up, and the worker's time to finish the last one."""


class Maps:
    """When the first atom map of each frame was in the store, as a listener hears it."""

    def __init__(self, service: Service) -> None:
        self._store = service.store
        self._after = service.store.last_event_id()
        self._stop = threading.Event()
        self._told = threading.Condition()
        self.map_s: dict[str, float] = {}
        self.done_s: dict[str, float] = {}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while not self._stop.is_set():
            for event_id, event in self._store.read_events(self._after, block_s=0.2):
                self._after = event_id
                now_s, frame_id = time.perf_counter(), event.frame_id or ""
                with self._told:
                    if "AtomMap" in event.data.get("published", []):
                        self.map_s.setdefault(frame_id, now_s)
                    if event.kind in ("result", "fault", "drop"):
                        self.map_s.setdefault(frame_id, now_s)
                        self.done_s[frame_id] = now_s
                    self._told.notify_all()

    def wait(self, frame_id: str, timeout_s: float) -> tuple[float, float]:
        with self._told:
            if not self._told.wait_for(lambda: frame_id in self.done_s, timeout_s):
                raise TimeoutError(f"no result of {frame_id} within {timeout_s} s")
            return self.map_s[frame_id], self.done_s[frame_id]

    def close(self) -> None:
        self._stop.set()
        self._thread.join()


def images(size: int, count: int) -> list[np.ndarray]:
    """(size, size) uint16 frames of one drifting sample, 23.4 pm a pixel."""
    width_nm = 0.0234 * size
    sample = make_sample("SrTiO3", field_nm=width_nm, margin_nm=4.0, seed=1)
    scan = Scan(field_of_view_nm=width_nm, shape=(size, size), dwell_us=8.0)
    return [render(sample, scan, seed=7, frame=index).image for index in range(count)]


def send(sender: FrameSender, image: np.ndarray, scan_s: float, rows: int | None) -> tuple[float, str]:
    """One scan of `scan_s` seconds; returns when its last row was handed over, and its id."""
    meta = {"pixel_size_nm": 0.0234, "dwell_us": 8.0, "detector": "HAADF"}
    begun = time.perf_counter()
    if rows is None:
        time.sleep(scan_s)
        last_s = time.perf_counter()
        return last_s, sender.send(image, **meta).frame_id
    scan = sender.begin(image.shape, image.dtype, **meta)
    for first in range(0, len(image), rows):
        last = min(first + rows, len(image))
        time.sleep(max(0.0, begun + scan_s * last / len(image) - time.perf_counter()))
        last_s = time.perf_counter()
        scan.rows(image[first:last])
    return last_s, scan.end().frame_id


def measure(frames: int, scan_s: float, rows: int, size: int) -> list[dict[str, Any]]:
    """One row for each way to send: medians and 99th percentiles, ms, and what the worker's stages took."""
    pictures = images(size, min(frames, 8) + 1)
    taken: dict[str, list[dict[str, Any]]] = {"rows": [], "whole": []}
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data=Path(folder), frames="tcp://127.0.0.1:0", log_level="warning")
        with Service(settings, workers=1, api=False) as service:
            while not service.ready():
                time.sleep(0.1)
            service.store.set_policy(STREAM, StreamPolicy(lattice="SrTiO3", deadline_s=3.0))
            maps = Maps(service)
            with FrameSender(service.frames_address, STREAM, heartbeat_s=0.1) as sender:
                _, tuned = send(sender, pictures[0], 0.0, None)
                maps.wait(tuned, TUNING_S)
                for number in range(2 * frames):
                    way = ("rows", "whole")[number % 2]
                    time.sleep(PAUSE_S)
                    image = pictures[1 + number // 2 % (len(pictures) - 1)]
                    last_s, frame_id = send(sender, image, scan_s, rows if way == "rows" else None)
                    map_s, done_s = maps.wait(frame_id, TUNING_S)
                    ledger = service.store.document(frame_id, Ledger)
                    assert ledger is not None
                    taken[way].append(
                        {
                            "map_ms": (map_s - last_s) * 1e3,
                            "done_ms": (done_s - last_s) * 1e3,
                            "mode": ledger.mode,
                            "stages": {stage.name: stage.ms for stage in ledger.stages},
                        }
                    )
                counters = sender.counters
            maps.close()
            counters |= {
                name: count for name, count in service.store.counters().items() if name.startswith("rows:")
            }
    return [
        {
            "sent": way,
            "size_px": size,
            "frames": len(found),
            "tracking": sum(one["mode"] == "tracking" for one in found),
            "map_ms": statistics.median(one["map_ms"] for one in found),
            "map_p99_ms": float(np.percentile([one["map_ms"] for one in found], 99)),
            "map_least_ms": min(one["map_ms"] for one in found),
            "done_ms": statistics.median(one["done_ms"] for one in found),
            "stages_ms": {
                name: statistics.median(one["stages"].get(name, 0.0) for one in found)
                for name in dict.fromkeys(name for one in found for name in one["stages"])
            },
            "counters": {name: n for name, n in counters.items() if "row" in name or "fell" in name},
        }
        for way, found in taken.items()
    ]


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown."""
    head = [
        "sent",
        "frames (tracked)",
        "last row to map, ms: median",
        "p99",
        "least",
        "to result, ms",
        "stages",
    ]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        stages = ", ".join(f"{name} {ms:.1f}" for name, ms in row["stages_ms"].items())
        cells = [row["sent"], f"{row['frames']} ({row['tracking']})"]
        cells += [f"{row[name]:.1f}" for name in ("map_ms", "map_p99_ms", "map_least_ms", "done_ms")]
        lines.append("| " + " | ".join([*cells, stages]) + " |")
    return "\n".join([*lines, "", f"counted: {rows[0]['counters']}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=40, help="each way (default: %(default)s)")
    parser.add_argument("--scan-s", type=float, default=0.5, help="time of one scan (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=32, help="rows in a block (default: %(default)s)")
    parser.add_argument("--size", type=int, default=512, help="pixels a side (default: %(default)s)")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = measure(given.frames, given.scan_s, given.rows, given.size)
    print(table(rows))
    if given.json is not None:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
