"""How soon each optimiser reaches the front, on windows of simulated and real images.

    python benchmarks/optimisers.py [--data FOLDER] [--exhaustive 8192] [--cap-s 6] [--json FILE]

For each window the hypervolume that `--exhaustive` Sobol points reach is taken as the whole. Every optimiser
starts from the same 16 Sobol points and adds batches of 4 (NSGA-II: 16, Sobol: 32) until it has 99 % and
99.9 % of it, or `--cap-s` are over. Times are the process's CPU seconds on one thread, so that other work on
the machine does not count; what an optimiser compiles or imports on first use is done before.

Two columns of times: as measured, with evaluations of about 0.3 ms; and as they would be if one evaluation
took 0.3 s, from the number of evaluations and the optimiser's own time.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from paretoscope.adapters.files import read_image
from paretoscope.core import pareto
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.expected import expect
from paretoscope.core.intensity import to_unit
from paretoscope.core.scoring import Scorer
from paretoscope.optimise.make import make_optimiser
from paretoscope.optimise.nsga2 import Nsga2Optimiser
from paretoscope.optimise.protocol import Optimiser
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.space import DIMENSIONS, LogSpace
from paretoscope.optimise.warm import warm_up
from paretoscope.workflows.tuning import fitted
from paretoscope_sim import Scan, make_sample, render

REFERENCE = (1.0, 1.0)
BATCH = {"sobol": 32, "nsga2": 16, "qnehvi": 4, "qlognehvi": 4}
SHARES = (0.99, 0.999)
EXPENSIVE_S = 0.3
WINDOW_PX = 128
REAL = (
    "real/SciLink_MoS2_stem_Exp-000-2.npy",
    "real/SciLink_MoS2_stem_Exp-001-5.npy",
    "real/AtomSegNet_Grain_boundry_gold_512px.png",
    "real/AISTEM_LLTO.jpg",
    "simulated/nsr_test_data_1.npz",
)


@dataclass(frozen=True)
class Task:
    name: str
    scorer: Scorer
    space: LogSpace

    def evaluate(self, points: np.ndarray) -> np.ndarray:
        params = (self.scorer.candidates.snap(self.space.params(point)) for point in points)
        return np.array([self.scorer.score(entry).values for entry in params])


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


def simulated() -> list[tuple[str, np.ndarray, float]]:
    """(name, image, pixel size nm): two lattices at three doses."""
    images = []
    for sample, field_nm in (("graphene", 8.0), ("SrTiO3", 10.0)):
        for index, current in enumerate((100.0, 20.0, 5.0)):
            scan = Scan(shape=(256, 256), field_of_view_nm=field_nm, current_pa=current)
            frame = render(make_sample(sample, field_nm=field_nm + 2.0, seed=index), scan, seed=index)
            images.append((f"{sample} {current:.0f} pA", frame.image, field_nm / 256))
    return images


def tasks(data: Path | None) -> list[Task]:
    made = []
    for name, pixels, size_nm in simulated():
        lattice = name.split()[0]
        made.append(_task(name, to_unit(pixels), size_nm, lattice))
    for relative in REAL if data else ():
        path = Path(data) / relative
        if path.is_file():
            made.append(_task(path.stem, to_unit(read_image(path).image), None, None))
    return made


def _task(name: str, image: np.ndarray, pixel_size_nm: float | None, lattice: str | None) -> Task:
    whole = expect(image, pixel_size_nm, lattice)
    top, left = ((side - WINDOW_PX) // 2 for side in image.shape)
    space = LogSpace(whole.neighbour_px)
    candidates = CandidateSet.build(image, space.grid, floor=0.01)
    window = (top, left, WINDOW_PX, WINDOW_PX)
    inside = candidates.inside(*window)
    return Task(name, Scorer(inside, whole.inside(*window)), fitted(space, inside))


def race(task: Task, name: str, whole: float, cap_s: float, seed: int = 0) -> list[Run]:
    """Time and evaluations until each share of `whole`."""
    clock = time.process_time
    optimiser: Optimiser = make_optimiser(name, DIMENSIONS, REFERENCE, seed, task.space.snap)
    if name == "nsga2":
        optimiser = Nsga2Optimiser(DIMENSIONS, REFERENCE, seed)
    began, own = clock(), 0.0
    points = sobol_points(16, DIMENSIONS, seed)
    values = np.empty((0, 2))
    runs: list[Run] = []
    while len(runs) < len(SHARES) and clock() - began < cap_s:
        block = task.evaluate(points)
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
        "| share | optimiser | reached | evaluations | s, evaluation 0.3 ms | s, evaluation 0.3 s |",
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
                f"| {np.median([run.seconds for run in mine]):.3f} | {np.median(dear):.1f} |"
            )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--exhaustive", type=int, default=8192)
    parser.add_argument("--cap-s", type=float, default=6.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(warm_up())
    runs: list[Run] = []
    for task in tasks(arguments.data if arguments.data.is_dir() else None):
        values = task.evaluate(sobol_points(arguments.exhaustive, DIMENSIONS, seed=12345))
        whole = pareto.hypervolume(values, REFERENCE)
        print(f"{task.name}: {task.scorer.expectation.n_expected:.0f} expected, hypervolume {whole:.4f}")
        if whole == 0.0:
            continue
        for name in BATCH:
            runs += race(task, name, whole, arguments.cap_s)
            print("   ", name, [(run.evaluations, round(run.seconds, 3)) for run in runs[-2:]], flush=True)
    print(table(runs))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(run) for run in runs], indent=1))


if __name__ == "__main__":
    main()
