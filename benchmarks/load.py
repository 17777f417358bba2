"""Latency for clients under load: 20 pollers and 5 event listeners beside a running analysis.

    paretoscope bench load

A whole service as `paretoscope serve` starts it (store, bridge, API process, worker process) works frames of
a simulated microscope that scans faster than they can be analysed, so that the worker is never idle. Clients
in processes of their own, all on this machine: 20 that wait for the newest result (long-poll, typed client),
5 that listen to events, one that asks for the policy and for all columns of the newest atoms, over and over.

result -> client   from the worker's time stamp, just before the result is written, to the result read here
event -> listener  from the time stamp of the `result` event in the store to the event in hand
GET policy, atoms  the call's own time
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

POLLERS, LISTENERS, PER_PROCESS = 20, 5, 5
STREAM = "load"
WARM_UP_S = 5.0
LATEST_S = 100.0
SPEED = 20.0
"""So many times faster than the instrument: more frames come than can be analysed."""
WHAT = ("result -> client", "event -> listener", "GET policy", "GET atoms, all columns")

Times = list[tuple[str, float, float]]
"""(what, when it ended by the monotonic clock, ms)."""


def _since_ms(utc: str) -> float:
    return (time.time() - datetime.fromisoformat(utc).timestamp()) * 1e3


def wait_for_results(url: str, clients: int, until_s: float, out: Any) -> None:
    """So many long-polling clients in this process."""
    from paretoscope_client import AsyncClient

    times: Times = []

    async def one() -> None:
        async with AsyncClient(url) as service:
            async for result in service.results(STREAM, unfit="pass"):
                if result.ledger is not None and result.ledger.published_at is not None:
                    times.append(
                        ("result -> client", time.monotonic(), _since_ms(result.ledger.published_at))
                    )

    _run_until(one, clients, until_s)
    out.put(times)


def listen(url: str, clients: int, until_s: float, out: Any) -> None:
    from paretoscope_client import AsyncClient

    times: Times = []

    async def one() -> None:
        async with AsyncClient(url) as service:
            async for event in service.events(STREAM):
                if event.kind == "result":
                    times.append(("event -> listener", time.monotonic(), _since_ms(event.at)))

    _run_until(one, clients, until_s)
    out.put(times)


def ask(url: str, clients: int, until_s: float, out: Any) -> None:
    """One client that asks and asks, twenty times a second at most."""
    from paretoscope_client import Client

    times: Times = []
    with Client(url) as service:
        while time.monotonic() < until_s:
            newest = service.latest(STREAM, stale=True)
            if newest is not None:
                for what, call in (
                    ("GET policy", lambda: service.policy(STREAM)),
                    ("GET atoms, all columns", lambda newest=newest: service.atoms(newest.frame_id)),
                ):
                    begun = time.monotonic()
                    call()
                    times.append((what, time.monotonic(), (time.monotonic() - begun) * 1e3))
            time.sleep(0.05)
    out.put(times)


def _run_until(one: Any, clients: int, until_s: float) -> None:
    async def all_of_them() -> None:
        tasks = [asyncio.create_task(one()) for _ in range(clients)]
        await asyncio.sleep(max(0.0, until_s - time.monotonic()))
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(outcome, Exception):
                raise outcome

    asyncio.run(all_of_them())


def measure(seconds: float, side_px: int) -> dict[str, Any]:
    """Run the service, its microscope and all clients for so long; the table's rows and what was going on."""
    from paretoscope.cli.service import Service
    from paretoscope.contract import AtomMap, StreamPolicy
    from paretoscope.settings import load

    spawn = multiprocessing.get_context("spawn")
    out = spawn.Queue()
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
        begun_s = time.monotonic() + WARM_UP_S
        until_s = begun_s + seconds
        groups = [(wait_for_results, PER_PROCESS)] * (POLLERS // PER_PROCESS)
        jobs = [
            spawn.Process(target=job, args=(service.url, clients, until_s, out), daemon=True)
            for job, clients in [*groups, (listen, LISTENERS), (ask, 1)]
        ]
        for job in jobs:
            job.start()
        times = [one for _ in jobs for one in out.get(timeout=seconds + LATEST_S)]
        newest = service.store.latest(STREAM)
        atoms = service.store.document(newest, AtomMap) if newest else None
    rows = []
    for what in WHAT:
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
