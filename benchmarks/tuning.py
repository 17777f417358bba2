"""Tuning beside blob_log with BoTorch's tutorial qNEHVI loop, on the same pixels in one run.

    paretoscope bench tuning [--full] [--windows 12] [--peer-cap-s 60] [--data FOLDER] [--json FILE]

Without --full it is a quick look: three windows, the peer stopped at 15 s; what it prints says so.

1. One more parameter set on an image that is loaded: `Scorer.score_many`, every set exact, against `blob_log`
   and the same rewards. The sets are spread over the search box, each asked once.
2. Time from a window's pixels to 99 % of the exhaustive hypervolume (65 536 Sobol points, reference point
   QC = ER = 1). Ours: scale space, candidates, table and `tune` as a frame has it, median of five seeds. The
   peer: `blob_log` for every evaluation, and qNEHVI exactly as BoTorch's multi-objective tutorial has it (10
   Sobol points, ModelListGP of SingleTaskGP with Standardize, 128 quasi-random samples, 10 restarts, 512 raw
   samples, batches of 4), all cores, stopped and counted at the cap. The exhaustive front comes from our
   table; a sample of its sets, and all of its front, are asked of `blob_log` itself in this run.
3. 36 windows of 256 px in a 512 x 512 frame, scale space included, against 36 times the peer's median of 2.

Wall-clock times. A line is printed, and the JSON written, as soon as a window is done.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage.feature import blob_log

sys.path.insert(0, str(Path(__file__).parent))
from _windows import DATA, REFERENCE, Task, tasks, window_of

from paretoscope.contract import LogParams, StreamMemory, StreamPolicy, WindowPolicy
from paretoscope.core import pareto, rewards
from paretoscope.core.blobs import Blobs
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.expected import expect
from paretoscope.core.intensity import to_unit
from paretoscope.core.scoring import Scorer
from paretoscope.deadline import Deadline
from paretoscope.optimise.sobol import sobol_points
from paretoscope.optimise.space import DIMENSIONS, LogSpace
from paretoscope.optimise.warm import warm_up
from paretoscope.workflows.prepared import CANDIDATE_FLOOR
from paretoscope.workflows.tuning import tune
from paretoscope.workflows.window_tuning import tune_windows
from paretoscope_sim import Scan, make_sample, render

SHARE = 0.99
EXHAUSTIVE = 65_536
SEEDS = 5
CHECKED = 12
"""Sets of each exhaustive scan that are asked of blob_log itself."""
BUDGET_S = 0.6
"""What a frame leaves for tuning."""
INITIAL, BATCH, RESTARTS, RAW, SAMPLES = 10, 4, 10, 512, 128
"""Of BoTorch's tutorial: 2 (d + 1) points to begin with."""

Row = dict[str, Any]


def peer_values(image: np.ndarray, params: LogParams, expectation: Any) -> tuple[int, np.ndarray]:
    """N_found and (2,) QC and ER of one blob_log call; infinite where infeasible."""
    found = blob_log(
        image, params.sigma_min, params.sigma_max, params.num_sigma, params.threshold, params.overlap
    )
    y, x, sigma = found.T.astype(np.float32) if len(found) else np.empty((3, 0), np.float32)
    blobs = Blobs(y, x, sigma, np.zeros_like(sigma))
    values = [entry.value for entry in rewards.evaluate(["qc", "er"], blobs, expectation).values()]
    count = int(np.count_nonzero(rewards.counted(blobs, expectation)))
    inside = all(value is not None and value < 1.0 for value in values)
    return count, np.array(values if inside else (np.inf, np.inf), dtype=np.float64)


def snapped(task: Task, candidates: CandidateSet, point: np.ndarray) -> LogParams:
    return candidates.snap(task.space.params(point))


# 1 ---------------------------------------------------------------------------------------------------------


def one_more_set(task: Task, sets: int, peer_sets: int) -> Row:
    """Microseconds a set, exact, and the peer's for a part of the same sets."""
    candidates = task.candidates()
    scorer = Scorer(candidates, task.expectation)
    points = sobol_points(sets, DIMENSIONS, seed=1)
    scorer.score_many(task.space.sets(points[:8]))  # makes the table: what "loaded" means
    began = time.perf_counter()
    scores = scorer.score_many(task.space.sets(points))
    ours = (time.perf_counter() - began) / sets
    some = [snapped(task, candidates, point) for point in points[:: sets // peer_sets][:peer_sets]]
    began = time.perf_counter()
    for params in some:
        peer_values(task.image, params, task.expectation)
    peer = (time.perf_counter() - began) / len(some)
    return {
        "what": f"one more set, {task.image.shape[0]} px",
        "window": task.name,
        "us": 1e6 * ours,
        "peer_us": 1e6 * peer,
        "ratio": peer / ours,
        "found": int(np.median(scores.n_found)),
    }


# 2 ---------------------------------------------------------------------------------------------------------


def ours_s(task: Task, whole: float, seed: int) -> float:
    """From the pixels to the share of the whole; infinite where a whole search did not get there."""
    began = time.perf_counter()
    candidates = task.candidates()
    built = time.perf_counter() - began
    done = tune(
        candidates,
        task.expectation,
        task.space,
        StreamPolicy(),
        StreamMemory(),
        Deadline.after(BUDGET_S),
        seed,
    )
    reached = np.flatnonzero(done.trace[:, 0] >= SHARE * whole)
    return built + float(done.trace[reached[0], 1]) if len(reached) else np.inf


def peer_s(task: Task, whole: float, cap_s: float, seed: int = 0) -> tuple[float, int, bool]:
    """(seconds, evaluations, reached): the tutorial's loop, stopped at the cap."""
    from botorch.acquisition.multi_objective.monte_carlo import qNoisyExpectedHypervolumeImprovement
    from botorch.exceptions.warnings import NumericsWarning
    from botorch.fit import fit_gpytorch_mll
    from botorch.models import ModelListGP, SingleTaskGP
    from botorch.models.transforms.outcome import Standardize
    from botorch.optim import optimize_acqf
    from botorch.sampling.normal import SobolQMCNormalSampler
    from gpytorch.mlls import SumMarginalLogLikelihood

    candidates = task.candidates()  # for the same grid of scales; not timed

    def evaluate(points: np.ndarray) -> np.ndarray:
        return np.array(
            [peer_values(task.image, snapped(task, candidates, p), task.expectation)[1] for p in points]
        )

    # The tutorial's acquisition is the plain one; BoTorch advises the logarithmic one at every step.
    warnings.simplefilter("ignore", category=NumericsWarning)
    torch.manual_seed(seed)
    bounds = torch.stack([torch.zeros(DIMENSIONS), torch.ones(DIMENSIONS)]).to(torch.float64)
    began = time.perf_counter()
    x = sobol_points(INITIAL, DIMENSIONS, seed)
    y = evaluate(x)
    while (elapsed := time.perf_counter() - began) < cap_s:
        if pareto.hypervolume(y, REFERENCE) >= SHARE * whole:
            return elapsed, len(x), True
        inputs = torch.as_tensor(x, dtype=torch.float64)
        outcomes = -torch.as_tensor(np.minimum(y, 1.1), dtype=torch.float64)
        model = ModelListGP(
            *(
                SingleTaskGP(inputs, outcomes[:, k : k + 1], outcome_transform=Standardize(m=1))
                for k in range(2)
            )
        )
        fit_gpytorch_mll(SumMarginalLogLikelihood(model.likelihood, model))
        acquisition = qNoisyExpectedHypervolumeImprovement(
            model=model,
            ref_point=[-value for value in REFERENCE],
            X_baseline=inputs,
            prune_baseline=True,
            sampler=SobolQMCNormalSampler(sample_shape=torch.Size([SAMPLES])),
        )
        chosen, _ = optimize_acqf(
            acq_function=acquisition,
            bounds=bounds,
            q=BATCH,
            num_restarts=RESTARTS,
            raw_samples=RAW,
            options={"batch_limit": 5, "maxiter": 200},
            sequential=True,
        )
        more = chosen.detach().numpy()
        x, y = np.vstack([x, more]), np.vstack([y, evaluate(more)])
    return cap_s, len(x), False


def exhausted(task: Task, exhaustive: int) -> tuple[float, str]:
    """The whole hypervolume; of a sample of its sets and of its front, how many blob_log judges the same."""
    candidates = task.candidates()
    points = sobol_points(exhaustive, DIMENSIONS, seed=12345)
    scorer = Scorer(candidates, task.expectation)
    blocks = np.array_split(points, max(1, exhaustive // 4096))
    values = np.vstack([scorer.score_many(task.space.sets(block)).values for block in blocks])
    asked = [*range(CHECKED), *pareto.nondominated(values, REFERENCE)[:CHECKED].tolist()]
    same = 0
    for index in asked:
        _, peer = peer_values(task.image, snapped(task, candidates, points[index]), task.expectation)
        same += bool(np.array_equal(peer, values[index]))
    return pareto.hypervolume(values, REFERENCE), f"{same} of {len(asked)}"


def race(task: Task, cap_s: float, exhaustive: int) -> Row:
    whole, same = exhausted(task, exhaustive)
    row: Row = {
        "what": "99 % of the hypervolume",
        "window": task.name,
        "expected": round(task.expectation.n_expected),
        "whole": whole,
        "as_blob_log": same,
    }
    if whole == 0.0:
        return row | {"s": None, "note": "no parameter set is feasible"}
    times = [ours_s(task, whole, seed) for seed in range(SEEDS)]
    with all_cores():
        seconds, evaluations, reached = peer_s(task, whole, cap_s)
    ours = statistics.median(times)
    return row | {
        "s": ours,
        "slowest_s": max(times),
        "peer_s": seconds,
        "peer_reached": reached,
        "peer_evaluations": evaluations,
        "ratio": seconds / ours,
    }


class all_cores:
    """The peer gets every core; we run as a worker does."""

    def __enter__(self) -> None:
        self._before = torch.get_num_threads()
        torch.set_num_threads(os.cpu_count() or 1)

    def __exit__(self, *_: object) -> None:
        torch.set_num_threads(self._before)


# 3 ---------------------------------------------------------------------------------------------------------


def windows(runs: int) -> list[Row]:
    """36 windows of 256 px, and 49 of 128 px, in a frame of 512 x 512; medians, scale space included."""
    rows = []
    for name, field_nm in (("graphene", 16.0), ("SrTiO3", 20.0)):
        scan = Scan(shape=(512, 512), field_of_view_nm=field_nm, current_pa=20.0)
        frame = render(make_sample(name, field_nm=field_nm + 2.0, seed=0), scan, seed=0)
        image = to_unit(frame.image)
        expected = expect(image, field_nm / 512, name)
        space = LogSpace(expected.neighbour_px, blob_sigma_px=expected.blob_sigma_px)
        for size, step in ((256, 0.2), (128, 0.5)):
            policy = StreamPolicy(windows=WindowPolicy(size_px=size, step=step))
            times, results = [], []
            for seed in range(runs):
                began = time.perf_counter()
                candidates = CandidateSet.build(image, space.grid, CANDIDATE_FLOOR)
                results = tune_windows(
                    candidates, expected, space, policy, StreamMemory(), Deadline.never(), seed
                )
                times.append(time.perf_counter() - began)
            found = [result for result in results if result.params is not None]
            rows.append(
                {
                    "what": f"{len(results)} windows of {size} px",
                    "window": name,
                    "s": statistics.median(times),
                    "tuned": len(found),
                    "median_qc": statistics.median(result.qc for result in found),
                    "median_er": statistics.median(result.er for result in found),
                }
            )
    return rows


# -----------------------------------------------------------------------------------------------------------


def summary(rows: list[Row], cap_s: float) -> str:
    raced = [row for row in rows if row.get("peer_s") is not None]
    lines = []
    if raced:
        ours, peer = (statistics.median(row[key] for row in raced) for key in ("s", "peer_s"))
        capped = sum(not row["peer_reached"] for row in raced)
        lines += [
            f"99 % of the hypervolume, {len(raced)} windows: {1e3 * ours:.1f} ms "
            f"(slowest window {1e3 * max(row['s'] for row in raced):.1f} ms), "
            f"peer {peer:.1f} s ({capped} stopped at {cap_s:.0f} s), ratio of medians {peer / ours:.0f}, "
            f"median ratio {statistics.median(row['ratio'] for row in raced):.0f}"
        ]
        many = [row for row in rows if row["what"].startswith("36 windows")]
        if many:
            seconds = statistics.median(row["s"] for row in many)
            lines.append(
                f"36 windows of 256 px: {seconds:.3f} s, 36 times the peer {36 * peer:.0f} s, "
                f"ratio {36 * peer / seconds:.0f}"
            )
    for what in dict.fromkeys(row["what"] for row in rows if row["what"].startswith("one more set")):
        mine = [row for row in rows if row["what"] == what]
        ours, peer, ratio = (
            statistics.median(row[key] for row in mine) for key in ("us", "peer_us", "ratio")
        )
        lines.append(f"{what}: {ours:.1f} us, peer {peer:.0f} us, median ratio {ratio:.0f}")
    return "\n".join(lines)


def show(row: Row) -> None:
    cells = (
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in row.items()
    )
    print("  " + ", ".join(cells), flush=True)


def measure(arguments: argparse.Namespace, keep: Callable[[Row], None]) -> None:
    data = arguments.data if arguments.data.is_dir() else None
    if data is None:
        print(f"no real images: {arguments.data} is not there")
    chosen = []
    for task in tasks(data):
        if len(chosen) == arguments.windows:
            break
        chosen.append(task)
    for task in chosen:
        keep(one_more_set(task, sets=2048, peer_sets=64))
    for name, field_nm in (("graphene", 16.0), ("SrTiO3", 20.0)):
        scan = Scan(shape=(512, 512), field_of_view_nm=field_nm, current_pa=20.0)
        frame = render(make_sample(name, field_nm=field_nm + 2.0, seed=0), scan, seed=0)
        task = window_of(f"{name} 20 pA", to_unit(frame.image), field_nm / 512, name, 512)
        if task is not None:
            keep(one_more_set(task, sets=256, peer_sets=16))
    for row in windows(arguments.runs):
        keep(row)
    for task in chosen:
        keep(race(task, arguments.peer_cap_s, arguments.exhaustive))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--full", action="store_true", help="12 windows, the peer stopped at 60 s: 13 minutes"
    )
    parser.add_argument("--windows", type=int)
    parser.add_argument("--peer-cap-s", type=float)
    parser.add_argument("--exhaustive", type=int, default=EXHAUSTIVE)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    arguments.windows = arguments.windows or (12 if arguments.full else 3)
    arguments.peer_cap_s = arguments.peer_cap_s or (60.0 if arguments.full else 15.0)
    if arguments.windows < 12 or arguments.peer_cap_s < 60.0:
        print("QUICK LOOK, not the figures: fewer than 12 windows or a peer stopped before 60 s (see --full)")
    warm_up()
    rows: list[Row] = []

    def keep(row: Row) -> None:
        rows.append(row)
        show(row)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1))

    measure(arguments, keep)
    print(summary(rows, arguments.peer_cap_s))


if __name__ == "__main__":
    main()
