"""Latency for clients under load: 20 pollers and 5 event listeners beside a running analysis.

    paretoscope bench load

A whole service as `paretoscope serve` starts it (store, bridge, API process, worker process) works frames of
a simulated microscope that scans faster than they can be analysed, so that the worker is never idle. Clients
in processes of their own, all on this machine: 20 that wait for the newest result (long-poll, typed client),
5 that listen to events, one that asks for the policy and for all columns of the newest atoms, over and over
(``chaos/_crowd.py`` tells what each measures). What a crowd costs the frames is asked by
`make chaos TRIAL=load`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from chaos._crowd import ATOMS, HEARD, LATEST_S, POLICY, POLLED, Crowd, Open, ask, listen, wait_for_results

POLLERS, LISTENERS, PER_PROCESS = 20, 5, 5
STREAM = "load"
WARM_UP_S = 5.0
SPEED = 20.0
"""So many times faster than the instrument: more frames come than can be analysed."""


def measure(seconds: float, side_px: int) -> dict[str, Any]:
    """Run the service, its microscope and all clients for so long; the table's rows and what was going on."""
    from paretoscope.cli.service import Service
    from paretoscope.contract import AtomMap, StreamPolicy
    from paretoscope.settings import load

    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paretoscope-load-")))
        settings = load(None, data=data, http_port=0, frames="tcp://127.0.0.1:0", log_level="error")
        service = stack.enter_context(Service(settings))
        _until(service.ready, "the worker to be warm")
        # Whatever cannot be worked in time gives way: the pressure stays, the backlog does not grow.
        service.store.set_policy(STREAM, StreamPolicy(lattice="graphene", drop="newest"))
        to = ["--to", service.frames_address, "--stream", STREAM, "--quiet"]
        scan = ["--size", str(side_px), "--field-nm", "8", "--speed", str(SPEED)]
        microscope = subprocess.Popen([sys.executable, "-m", "paretoscope_sim", "run", *to, *scan])
        stack.callback(microscope.wait)
        stack.callback(microscope.terminate)
        _until(lambda: service.store.latest(STREAM) is not None, "a first result")
        groups = [(wait_for_results, PER_PROCESS)] * (POLLERS // PER_PROCESS)
        crowd = Crowd(Open(service.url, (STREAM,)), [*groups, (listen, LISTENERS), (ask, 1)])
        begun_s = time.monotonic() + WARM_UP_S
        time.sleep(WARM_UP_S + seconds)
        times = crowd.times()
        newest = service.store.latest(STREAM)
        atoms = service.store.document(newest, AtomMap) if newest else None
    rows = []
    for what in (POLLED, HEARD, POLICY, ATOMS):
        ms = np.array([ms for named, ended, ms in times if named == what and ended >= begun_s])
        p50, p95, p99 = np.percentile(ms, [50, 95, 99]) if len(ms) else [float("nan")] * 3
        rows.append({"what": what, "times": len(ms), "p50_ms": p50, "p95_ms": p95, "p99_ms": p99})
    return {
        "seconds": seconds,
        "results_per_s": rows[0]["times"] / POLLERS / seconds,
        "side_px": side_px,
        "atoms": atoms.count if atoms else 0,
        "rows": rows,
    }


def _until(holds: Callable[[], bool], what: str) -> None:
    until_s = time.monotonic() + LATEST_S
    while not holds():
        if time.monotonic() > until_s:
            raise SystemExit(f"waited {LATEST_S:.0f} s for {what} in vain; run `paretoscope doctor`")
        time.sleep(0.1)


def main() -> None:
    ask_for = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask_for.add_argument("--seconds", type=float, default=40.0)
    ask_for.add_argument("--side", type=int, default=256, help="pixels a side of the frames")
    ask_for.add_argument("--json", type=Path)
    given = ask_for.parse_args()
    told = measure(given.seconds, given.side)
    print(
        f"{POLLERS} pollers, {LISTENERS} listeners, {told['seconds']:.0f} s; meanwhile "
        f"{told['results_per_s']:.2f} results a second of {told['side_px']} x {told['side_px']} px with "
        f"{told['atoms']} atoms"
    )
    print("| what | times | p50 ms | p95 ms | p99 ms |\n|---|---|---|---|---|")
    for row in told["rows"]:
        figures = " | ".join(f"{row[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms"))
        print(f"| {row['what']} | {row['times']} | {figures} |")
    if given.json:
        given.json.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
