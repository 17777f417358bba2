"""How soon each optimiser reaches the front, on windows of simulated and real images.

    python benchmarks/optimisers.py [--data FOLDER] [--exhaustive 8192] [--cap-s 6] [--json FILE]

For each window the hypervolume that `--exhaustive` Sobol points reach is taken as the whole. Every optimiser
starts from the same 16 Sobol points and adds batches of 4 (local, NSGA-II and Sobol: 64) until it has 99 %
and 99.9 % of it, or `--cap-s` are over. Times are the process's CPU seconds on one thread, so that other
work on the machine does not count; what an optimiser compiles or imports on first use is done before.

Two columns of times: as measured, with evaluations of microseconds; and as they would be if one evaluation
took 0.3 s, from the number of evaluations and the optimiser's own time.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
from _windows import DATA, REFERENCE, Task, tasks

from paretoscope.core import pareto
from paretoscope.core.scoring import Scorer
from paretoscope.optimise.local import LocalOptimiser
from paretoscope.optimise.make import make_optimiser
from paretoscope.optimise.protocol import Optimiser
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.space import DIMENSIONS
from paretoscope.optimise.warm import warm_up

BATCH = {"sobol": 64, "local": 64, "nsga2": 64, "qnehvi": 4, "qlognehvi": 4}
SHARES = (0.99, 0.999)
EXPENSIVE_S = 0.3


@dataclass(frozen=True)
class Run:
    task: str
    optimiser: str
    share: float
    evaluations: int | None
    """None: not reached within the cap."""
    seconds: float
    own_seconds: float
    """Of these, the optimiser's own."""


def race(task: Task, scorer: Scorer, name: str, whole: float, cap_s: float, seed: int = 0) -> list[Run]:
    """Time and evaluations until each share of `whole`."""
    clock = time.process_time
    optimiser: Optimiser
    if name == "local":
        optimiser = LocalOptimiser(DIMENSIONS, REFERENCE, seed)
    else:
        optimiser = make_optimiser(name, DIMENSIONS, REFERENCE, seed, task.space.snap)
    began, own = clock(), 0.0
    points = sobol_points(16, DIMENSIONS, seed)
    values = np.empty((0, 2))
    runs: list[Run] = []
    while len(runs) < len(SHARES) and clock() - began < cap_s:
        block = scorer.score_many(task.space.sets(points)).values
        values = np.vstack([values, block])
        reached = pareto.hypervolume(values, REFERENCE) / whole
        while len(runs) < len(SHARES) and reached >= SHARES[len(runs)]:
            share = SHARES[len(runs)]
            runs.append(Run(task.name, name, share, len(values), clock() - began, own))
        if len(runs) == len(SHARES):
            break
        thinking = clock()
        optimiser.observe(points, block)
        points = optimiser.suggest(BATCH[name])
        own += clock() - thinking
    while len(runs) < len(SHARES):
        runs.append(Run(task.name, name, SHARES[len(runs)], None, clock() - began, own))
    return runs


def table(runs: list[Run]) -> str:
    """Medians over the windows; a run that ran into the cap counts with the cap."""
    lines = [
        "| share | optimiser | reached | evaluations | s, as measured | s, evaluation 0.3 s |",
        "|---|---|---|---|---|---|",
    ]
    for share in SHARES:
        for name in BATCH:
            mine = [run for run in runs if run.optimiser == name and run.share == share]
            count = [run.evaluations if run.evaluations is not None else np.inf for run in mine]
            dear = [c * EXPENSIVE_S + run.own_seconds for c, run in zip(count, mine, strict=True)]
            reached = sum(run.evaluations is not None for run in mine)
            lines.append(
                f"| {share:.1%} | {name} | {reached} of {len(mine)} | {np.median(count):.0f} "
                f"| {np.median([run.seconds for run in mine]):.4f} | {np.median(dear):.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--exhaustive", type=int, default=16384)
    parser.add_argument("--cap-s", type=float, default=6.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(warm_up())
    runs: list[Run] = []
    for task in tasks(arguments.data if arguments.data.is_dir() else None):
        scorer = Scorer(task.candidates(), task.expectation)
        points = sobol_points(arguments.exhaustive, DIMENSIONS, seed=12345)
        values = scorer.score_many(task.space.sets(points)).values
        whole = pareto.hypervolume(values, REFERENCE)
        print(f"{task.name}: {task.expectation.n_expected:.0f} expected, hypervolume {whole:.4f}")
        if whole == 0.0:
            continue
        for name in BATCH:
            runs += race(task, scorer, name, whole, arguments.cap_s)
            print("   ", name, [(run.evaluations, round(run.seconds, 4)) for run in runs[-2:]], flush=True)
    print(table(runs))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(run) for run in runs], indent=1))


if __name__ == "__main__":
    main()
