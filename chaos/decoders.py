"""Every decoder that reads bytes from outside, fuzzed with inputs that find their own ways through it.

A target (see ``targets``) raises for anything but our own errors and for what must not be: another
meaning at a second reading, memory out of proportion, a stranger let in. An input that takes longer than
10 s or a process beyond 2 GiB is a crash as well. What crashed is told as bytes, and the rest is done.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from chaos.outcome import Outcome, Say, Size, at_least, exactly, stopwatch, told, under
from chaos.targets import TARGETS, every
from paretoscope.adapters.tethered import tethered_command

ROOT = Path(__file__).resolve().parents[1]
RUNS = 10_000_000
LONGEST_S = 10
MOST_RSS_MB = 2048
MOST_CRASHES = 5
"""Of one target; then it is given up, and its runs are missing."""
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)", re.MULTILINE)


@dataclass
class Found:
    name: str
    runs: int = 0
    seconds: float = 0.0
    rss_mb: int = 0
    slowest_s: int = 0
    ways: int = 0
    """Inputs that found a new way and were kept to go on from."""
    crashes: list[str] = field(default_factory=list)


def fuzz(name: str, runs: int, max_len: int, seed: int) -> Found:
    """So many runs of one target, in a process of its own; after a crash another one goes on."""
    found = Found(name)
    with tempfile.TemporaryDirectory(prefix="ps-chaos-") as folder:
        corpus = Path(folder) / "corpus"
        corpus.mkdir()
        while found.runs < runs and len(found.crashes) < MOST_CRASHES:
            said, seconds = _process(name, runs - found.runs, max_len, seed + len(found.crashes), corpus)
            counted = {key: int(value) for key, value in _STATISTIC.findall(said)}
            crash = _crash(Path(folder), said)
            if crash is None and not counted:
                raise RuntimeError(f"the fuzzer of {name} did not run:\n{said[-3000:]}")
            found.runs += max(1, counted.get("number_of_executed_units", 0))
            found.seconds += seconds
            found.rss_mb = max(found.rss_mb, counted.get("peak_rss_mb", 0))
            found.slowest_s = max(found.slowest_s, counted.get("slowest_unit_time_sec", 0))
            found.ways = len(list(corpus.iterdir()))
            if crash is not None:
                found.crashes.append(crash)
    return found


def _process(name: str, runs: int, max_len: int, seed: int, corpus: Path) -> tuple[str, float]:
    # fmt: off
    command = [
        sys.executable, "-m", "chaos._fuzz", name, f"-runs={runs}", f"-max_len={max_len}", f"-seed={seed}",
        f"-timeout={LONGEST_S}", f"-rss_limit_mb={MOST_RSS_MB}", "-print_final_stats=1",
        f"-artifact_prefix={corpus.parent}/", str(corpus),
    ]
    # fmt: on
    roots = [str(ROOT), *(str(ROOT / root) for root in ("service", "clients", "instrument_sim"))]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(roots), "OMP_NUM_THREADS": "1"}
    elapsed = stopwatch()
    done = subprocess.run(tethered_command(command), env=environment, capture_output=True, errors="replace")
    return done.stdout + done.stderr, elapsed()


def _crash(folder: Path, said: str) -> str | None:
    """What went wrong and the input, as hexadecimal digits; None where nothing did."""
    made = [one for one in folder.iterdir() if one.is_file()]
    if not made:
        return None
    data = made[0].read_bytes()
    for one in made:
        one.unlink()
    start = said.find("Uncaught Python exception")
    why = said[start:] if start >= 0 else said[said.find("== ERROR") :]
    return f"{made[0].name.split('-')[0]}: {' '.join(why.split())[:1500]}\ninput {data[:4096].hex()}"


def trial(size: Size, say: Say) -> Outcome:
    seed = random.SystemRandom().randrange(2**30) if size.share else 1
    if size.share:
        wanted = [(one.name, size.times(one.runs, 100), one.max_len) for one in TARGETS.values()]
    else:
        whole = every()
        wanted = [(whole.name, 8000, whole.max_len)]
    say(f"{sum(runs for _, runs, _ in wanted):,} runs of {len(wanted)} targets, seed {seed}")
    results: list[Found] = []
    # The longest first: the last one is then not alone for long.
    with ThreadPoolExecutor(2 if size.share >= 1 else 1) as both_cores:
        jobs = [both_cores.submit(fuzz, *one, seed) for one in sorted(wanted, key=lambda one: -one[1])]
        for job in jobs:
            one = job.result()
            results.append(one)
            rate = one.runs / max(one.seconds, 1e-3)
            say(f"{one.name}: {one.runs:,} runs, {rate:,.0f} a second, {one.ways} ways, {one.rss_mb} MB")
            for crash in one.crashes:
                say(crash)
    runs = sum(one.runs for one in results)
    rates = [told(f"{one.name}, a second", one.runs / max(one.seconds, 1e-3)) for one in results]
    counts = [told(f"{one.name}, runs", one.runs) for one in results]
    return Outcome(
        "decoders",
        f"{runs:,} inputs for {len(TARGETS)} decoders, made by a fuzzer that watches which ways they take",
        [
            at_least("runs", runs, RUNS if size.share >= 1 else 0),
            exactly("crashes", sum(len(one.crashes) for one in results)),
            under("largest process", max(one.rss_mb for one in results), MOST_RSS_MB, "MB"),
            under("longest input", max(one.slowest_s for one in results), LONGEST_S, "s"),
            *[figure for pair in zip(counts, rates, strict=True) for figure in pair],
        ],
    )
