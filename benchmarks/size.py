"""Cost against size, 128 to 4096 px, beside blob_log; how far each stage is from its floor; memory.

    python benchmarks/size.py [--largest 4096] [--budget-s 3] [--plot FILE.png] [--json FILE]

One noisy square lattice at every size, one thread. Detection (10 sigmas) and candidates (16) are the least of
several runs, and so is the peer, up to 2048 px. A whole analysis (lattice unknown) runs once in a process of
its own, whose largest memory is reported; a search takes what its deadline gives it, so stages stand apart.

A stage's floor is what this machine would need if only the transforms' arithmetic (at the rate at which the
same library transforms a batch that stays in the cache) or one pass over the planes (at the bandwidth of a
copy) had to be done.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from skimage.feature import blob_log

from paretoscope.contract import (
    AtomMap,
    FrameHeader,
    LogParams,
    ParameterMap,
    ParetoFront,
    StageTime,
    StreamMemory,
    StreamPolicy,
)
from paretoscope.core.blobs import detect_blobs
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.core.scale_space import Strip, as_source, linear_scales, strip_rows, transform_size

SIZES = (128, 256, 512, 1024, 2048, 4096)
NEIGHBOUR_PX, ATOM_SIGMA_PX, COUNTS = 10.0, 2.2, 60.0
PARAMS = LogParams(sigma_min=1.5, sigma_max=4.5, threshold=0.08, overlap=0.3, num_sigma=10)
GRID = np.linspace(1.0, 6.0, 16)
LARGEST_PEER = 2048
PLOT = Path(__file__).resolve().parents[1] / "docs/images/cost-against-size.png"

Row = dict[str, Any]


def crystal(side: int, seed: int = 0) -> np.ndarray:
    """(side, side) uint16: a square lattice with shot noise, one atom in 100 square px."""
    rng = np.random.default_rng(seed)
    at, place = np.arange(NEIGHBOUR_PX / 2, side, NEIGHBOUR_PX), np.arange(side)
    profile = np.exp(-((place[:, None] - at) ** 2) / (2 * ATOM_SIGMA_PX**2)).sum(1)
    image = np.empty((side, side), dtype=np.uint16)
    for row in range(side):
        image[row] = rng.poisson(COUNTS * (0.1 + profile[row] * profile))
    return image


def least_ms(work: Callable[[], object], limit_s: float = 1.5, most: int = 15) -> float:
    """The fastest of up to `most` runs within about `limit_s`; the first one only warms up if time allows."""
    times: list[float] = []
    while len(times) < most and (len(times) < 2 or sum(times) < limit_s):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
        if times[0] > 2 * limit_s:
            break
    return 1e3 * min(times)


def machine() -> dict[str, float]:
    """Bytes a second of a large copy, and operations a second of transforms within the cache."""
    source = np.ones(1 << 26, dtype=np.float32)
    target = np.empty_like(source)
    copy_ms = least_ms(lambda: np.copyto(target, source))
    batch = torch.ones(64, 576, dtype=torch.complex64)
    flops = 64 * 5 * 576 * math.log2(576)
    transform_ms = least_ms(lambda: torch.fft.ifft(batch, dim=1), 0.2, 1000)
    return {"bytes_s": 2e3 * source.nbytes / copy_ms, "flops_s": 1e3 * flops / transform_ms}


def filtered(image: np.ndarray, sigmas: np.ndarray) -> None:
    """The scale space alone, every plane thrown away."""
    source = as_source(image, "cpu")
    for first, last in strip_rows(len(image)):
        strip, plane = Strip(source, first, last), torch.empty((last - first, image.shape[1]))
        for sigma in sigmas.tolist():
            strip.response(sigma, plane)


def floors_ms(side: int, sigmas: np.ndarray, rates: dict[str, float]) -> tuple[float, float]:
    """Of the scale space (transforms, or writing the planes) and of its maxima (reading them)."""
    flops = 0.0
    for first, last in strip_rows(side):
        sizes = [transform_size((last - first, side), sigma) for sigma in sigmas.tolist()]
        for rows, columns in [*sizes, *set(sizes)]:  # one transform back per scale, one there per size
            flops += 2.5 * (last - first) * columns * math.log2(columns)
            flops += 5.0 * (columns // 2 + 1) * rows * math.log2(rows)
    planes_ms = 1e3 * 4 * side * side * len(sigmas) / rates["bytes_s"]
    return max(1e3 * flops / rates["flops_s"], planes_ms), planes_ms


def one_size(side: int, rates: dict[str, float]) -> Row:
    raw = crystal(side)
    unit = without_hot_pixels(raw).image
    scales = linear_scales(PARAMS)
    blobs = detect_blobs(unit, PARAMS)
    filter_ms = least_ms(lambda: filtered(unit, scales))
    detect_ms = least_ms(lambda: detect_blobs(unit, PARAMS))
    peer_ms = None
    if side <= LARGEST_PEER:
        known = (PARAMS.sigma_min, PARAMS.sigma_max, PARAMS.num_sigma, PARAMS.threshold, PARAMS.overlap)
        peer_ms = least_ms(lambda: blob_log(unit, *known), 1.0)
    filter_floor_ms, maxima_floor_ms = floors_ms(side, scales, rates)
    return {
        "side_px": side,
        "blobs": len(blobs),
        "intensity_ms": least_ms(lambda: without_hot_pixels(raw)),
        "scale_space_ms": filter_ms,
        "scale_space_floor_ms": filter_floor_ms,
        "maxima_ms": max(detect_ms - filter_ms, 0.0),
        "maxima_floor_ms": maxima_floor_ms,
        "detect_ms": detect_ms,
        "blob_log_ms": peer_ms,
        "candidates_ms": least_ms(lambda: CandidateSet.build(unit, GRID, 1e-3)),
    }


def analysed(side: int, budget_s: float) -> Row:
    """A whole analysis in this process, after a small one that loads and compiles everything."""
    from paretoscope.deadline import Deadline
    from paretoscope.optimise.warm import warm_up
    from paretoscope.workflows.frame import FrameTask, analyse_frame

    warm_up()  # as a worker does before its first frame
    documents: dict[type, Any] = {}
    stages: dict[str, float] = {}
    for size in (192, side):
        image = crystal(size)
        header = FrameHeader(
            stream="bench",
            epoch="local",
            sequence=0,
            shape=image.shape,
            dtype="uint16",
            nbytes=image.nbytes,
            crc32=0,
        )
        stages.clear()
        before_mb = _peak_mb()
        began = time.perf_counter()
        task = FrameTask(header, image, StreamPolicy(), StreamMemory())
        for document in analyse_frame(task, Deadline.after(budget_s if size == side else 1.0)):
            documents[type(document)] = document
            if isinstance(document, StageTime):
                stages[document.name] = stages.get(document.name, 0.0) + document.ms
    front, windows = documents.get(ParetoFront), documents.get(ParameterMap)
    return {
        "side_px": side,
        "analysis_ms": 1e3 * (time.perf_counter() - began),
        "stages_ms": stages,
        "atoms": documents[AtomMap].count,
        "evaluations": 0 if front is None else front.evaluations,
        "windows": 0 if windows is None else len(windows.windows),
        "before_mb": before_mb,
        "peak_mb": _peak_mb(),
    }


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def apart(side: int, budget_s: float) -> Row:
    """`analysed` in a process of its own."""
    command = [sys.executable, __file__, "--one", str(side), "--budget-s", str(budget_s)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def tables(rows: list[Row], rates: dict[str, float]) -> str:
    copy, transforms = (rates[name] / 1e9 for name in ("bytes_s", "flops_s"))
    out = [
        f"A copy moves {copy:.1f} GB/s; transforms in the cache make {transforms:.0f} Gflop/s.",
        "",
        "| side, px | blobs | detect, ms | ns/px | blob_log, ms | ratio | candidates, ms | to [0, 1], ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        peer, ratio = "", ""
        if row["blob_log_ms"] is not None:
            peer, ratio = f"{row['blob_log_ms']:.1f}", f"{row['blob_log_ms'] / row['detect_ms']:.1f}"
        out.append(
            f"| {row['side_px']} | {row['blobs']} | {row['detect_ms']:.2f} | "
            f"{1e6 * row['detect_ms'] / row['side_px'] ** 2:.0f} | {peer} | {ratio} | "
            f"{row['candidates_ms']:.1f} | {row['intensity_ms']:.2f} |"
        )
    out += [
        "",
        "| side, px | scale space, ms | floor | times | maxima and pruning, ms | floor of maxima | times |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [f"{row['side_px']}"]
        for stage in ("scale_space", "maxima"):
            ms, floor = row[f"{stage}_ms"], row[f"{stage}_floor_ms"]
            cells += [f"{ms:.2f}", f"{floor:.2f}", f"{ms / floor:.1f}"]
        out.append("| " + " | ".join(cells) + " |")
    names = list(dict.fromkeys(name for row in rows for name in row["stages_ms"]))
    out += [
        "",
        f"| side, px | atoms | windows | {' | '.join(names)} | total, ms | memory, MB |",
        "|---" * (len(names) + 5) + "|",
    ]
    for row in rows:
        times = " | ".join(f"{row['stages_ms'].get(name, 0.0):.0f}" for name in names)
        out.append(
            f"| {row['side_px']} | {row['atoms']} | {row['windows']} | {times} | {row['analysis_ms']:.0f} | "
            f"{row['peak_mb']:.0f} |"
        )
    return "\n".join(out)


def draw(rows: list[Row], path: Path) -> None:
    from paretoscope.adapters.plots.style import PALETTE, new_figure, save

    figure = new_figure(9.0, 4.2)
    cost, memory = figure.subplots(1, 2)
    lines = {
        "detect, 10 sigmas": lambda row: row["detect_ms"],
        "blob_log, the same": lambda row: row["blob_log_ms"],
        "candidates, 16 sigmas": lambda row: row["candidates_ms"],
        "lattice": lambda row: row["stages_ms"].get("lattice"),
        "whole analysis": lambda row: row["analysis_ms"],
    }
    for (label, value), colour in zip(lines.items(), ("#0072B2", "#D55E00", "#56B4E9", "#009E73", "#222222"),
                                      strict=True):  # fmt: skip
        points = [(row["side_px"], value(row)) for row in rows if value(row)]
        cost.loglog(*zip(*points, strict=True), "o-", color=colour, label=label, markersize=4)
    sides = np.array([row["side_px"] for row in rows], dtype=float)
    cost.loglog(
        sides, rows[-1]["detect_ms"] * (sides / sides[-1]) ** 2, ":", color="grey", label="linear in pixels"
    )
    cost.set_ylabel("ms")
    cost.legend(frameon=False, fontsize=8)
    memory.semilogx(sides, [row["peak_mb"] for row in rows], "o-", color=PALETTE[6])
    memory.axhline(1536, color="grey", linestyle=":")
    memory.set_ylim(0)
    memory.set_ylabel("largest memory of a worker, MB")
    for axes in (cost, memory):
        axes.set_xlabel("side of the frame, px")
        axes.set_xticks(sides, [f"{side:.0f}" for side in sides])
        axes.minorticks_off()
        axes.spines[["top", "right"]].set_visible(False)
    path.parent.mkdir(parents=True, exist_ok=True)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--largest", type=int, default=SIZES[-1], help="px")
    parser.add_argument("--budget-s", type=float, default=3.0)
    parser.add_argument("--plot", type=Path, default=PLOT, help="where to write the figure")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.one:
        print(json.dumps(analysed(given.one, given.budget_s)))
        return
    rates = machine()
    rows = []
    for side in SIZES:
        if side <= given.largest:
            rows.append(one_size(side, rates) | apart(side, given.budget_s))
            print(f"{side} px done", file=sys.stderr, flush=True)
    print(tables(rows, rates))
    draw(rows, given.plot)
    if given.json:
        given.json.write_text(json.dumps({"machine": rates, "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
