"""Detection and refinement beside scikit-image, on the same 512 x 512 pixels in one run.

    python benchmarks/detect.py [--runs 7] [--threads N] [--json FILE]

Medians in ms. The peers are scipy.ndimage.gaussian_laplace per scale and skimage.feature.blob_log, with as
many threads as they can use (one). What one more parameter set costs is measured by benchmarks/tuning.py.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage
from skimage.feature import blob_log

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.candidates import CandidateSet
from paretoscope.core.growing import GrowingScaleSpace
from paretoscope.core.hot_pixels import without_hot_pixels
from paretoscope.core.intensity import to_unit
from paretoscope.core.refine import refine
from paretoscope.core.scale_space import linear_scales, log_stack

ATOM_SIGMA_PX, NEIGHBOUR_PX = 2.3, 11.0
CLEAN = LogParams(sigma_min=1.5, sigma_max=4.5, threshold=0.08, overlap=0.3, num_sigma=10)
MESSY = LogParams(sigma_min=1.0, sigma_max=6.0, threshold=0.01, overlap=0.2, num_sigma=10)
"""So low a threshold that noise is found as well: thousands of overlapping blobs to prune."""

Row = dict[str, Any]


def median_ms(work: Callable[[], object], runs: int) -> float:
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def lattice_image(size: int = 512, noise: float = 0.1, seed: int = 0) -> np.ndarray:
    """A square lattice of about 2200 Gaussian atoms at 512 px, (size, size) float32 in [0, 1]."""
    rng = np.random.default_rng(seed)
    at = np.arange(NEIGHBOUR_PX / 2, size, NEIGHBOUR_PX)
    points = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)
    points += rng.normal(0, 0.3, points.shape)
    y, x = (np.arange(size) for _ in range(2))
    image = np.zeros((size, size))
    for centre_y, centre_x in points:
        rows = slice(max(0, int(centre_y) - 12), int(centre_y) + 13)
        columns = slice(max(0, int(centre_x) - 12), int(centre_x) + 13)
        down = np.exp(-((y[rows] - centre_y) ** 2) / (2 * ATOM_SIGMA_PX**2))
        across = np.exp(-((x[columns] - centre_x) ** 2) / (2 * ATOM_SIGMA_PX**2))
        image[rows, columns] += np.outer(down, across)
    return to_unit(image + noise * rng.standard_normal(image.shape))


def scipy_stack(image: np.ndarray, params: LogParams) -> np.ndarray:
    return np.stack([-(s**2) * ndimage.gaussian_laplace(image, float(s)) for s in linear_scales(params)])


def skimage_detect(image: np.ndarray, params: LogParams) -> np.ndarray:
    return blob_log(
        image, params.sigma_min, params.sigma_max, params.num_sigma, params.threshold, params.overlap
    )


def same_blobs(ours: Blobs, theirs: np.ndarray) -> float:
    """Blobs found by both over blobs found by either."""
    mine = set(zip(ours.y_px.tolist(), ours.x_px.tolist(), ours.sigma_px.tolist(), strict=True))
    other = {tuple(row) for row in theirs.astype(np.float32).tolist()}
    return len(mine & other) / max(len(mine | other), 1)


def row(what: str, ours_ms: float, peer: str = "", peer_ms: float | None = None, note: str = "") -> Row:
    ratio = None if peer_ms is None else peer_ms / ours_ms
    return {"what": what, "ms": ours_ms, "peer": peer, "peer_ms": peer_ms, "ratio": ratio, "note": note}


def scale_space(image: np.ndarray, runs: int, device: str) -> Row:
    scales = linear_scales(CLEAN)
    apart = np.abs(log_stack(image, scales, device).cpu().numpy() - scipy_stack(image, CLEAN)).max()
    ours = median_ms(lambda: _synchronised(log_stack(image, scales, device)), runs)
    peer = median_ms(lambda: scipy_stack(image, CLEAN), runs)
    return row("scale space, 10 sigmas", ours, "scipy", peer, f"largest difference {apart:.1e}")


def detection(name: str, image: np.ndarray, params: LogParams, runs: int, device: str) -> Row:
    blobs, theirs = detect_blobs(image, params, device), skimage_detect(image, params)
    ours = median_ms(lambda: detect_blobs(image, params, device), runs)
    peer = median_ms(lambda: skimage_detect(image, params), max(1, runs // 2))
    note = f"{len(blobs)} blobs, {100 * same_blobs(blobs, theirs):.2f} % the same"
    return row(f"detect, {name}", ours, "blob_log", peer, note)


def candidates(image: np.ndarray, runs: int, device: str) -> Row:
    grid = np.linspace(1.0, 6.0, 24)
    found = len(CandidateSet.build(image, grid, 0.01, device))
    took = median_ms(lambda: CandidateSet.build(image, grid, 0.01, device), runs)
    return row("candidates, 24 sigmas", took, note=f"{found} found")


def row_blocks(image: np.ndarray, runs: int, device: str) -> list[Row]:
    """From a frame's last rows to its candidates, where the others were filtered while the scan ran."""
    counts, grid, block = np.round(1e3 * image).astype(np.uint16), np.linspace(1.1, 6.6, 16), 32
    times: dict[str, list[float]] = {"whole": [], "last": [], "all": []}
    for _ in range(runs + 1):
        growing = GrowingScaleSpace(counts.shape, grid, 1e-3, device)
        began = time.perf_counter()
        for first in range(0, len(counts) - block, block):
            growing.add(first, counts[first : first + block])
        last = time.perf_counter()
        growing.add(len(counts) - block, counts[-block:])
        found = growing.finish(counts, without_hot_pixels(counts))
        done = time.perf_counter()
        whole = CandidateSet.build(without_hot_pixels(counts).image, grid, 1e-3, device)
        times["whole"].append(time.perf_counter() - done)
        times["last"].append(done - last)
        times["all"].append(done - began)
    ms = {name: 1e3 * statistics.median(taken[1:]) for name, taken in times.items()}
    return [
        row("frame to candidates, 16 sigmas, at once", ms["whole"], note=f"{len(whole)} candidates"),
        row(
            f"the same in blocks of {block} rows, after the last",
            ms["last"],
            "at once",
            ms["whole"],
            f"{len(found)} candidates; {ms['all']:.0f} ms in all",
        ),
    ]


def refinement(image: np.ndarray, runs: int, device: str) -> list[Row]:
    blobs = detect_blobs(image, CLEAN, device)
    return [
        row(
            f"refine, {method}",
            median_ms(lambda m=method: refine(image, blobs, m), runs),
            note=f"{len(blobs)} atoms",
        )
        for method in ("none", "parabola", "gaussian")
    ]


def measure(runs: int = 7, device: str = "cpu") -> list[Row]:
    image = lattice_image()
    noise = np.random.default_rng(0).random((512, 512), dtype=np.float32)
    return [
        scale_space(image, runs, device),
        detection("lattice, clean", image, CLEAN, runs, device),
        detection("lattice, messy", image, MESSY, runs, device),
        detection("pure noise", noise, MESSY.model_copy(update={"threshold": 0.1}), 1, device),
        candidates(image, runs, device),
        *row_blocks(image, runs, device),
        *refinement(image, runs, device),
    ]


def table(rows: list[Row]) -> str:
    lines = ["| what | ms | peer | its ms | ratio | |", "|---|---|---|---|---|---|"]
    for one in rows:
        peer = ("", "") if one["ratio"] is None else (f"{one['peer_ms']:.1f}", f"{one['ratio']:.1f}")
        lines.append(
            f"| {one['what']} | {one['ms']:.2f} | {one['peer']} | {peer[0]} | {peer[1]} | {one['note']} |"
        )
    return "\n".join(lines)


def _synchronised(stack: torch.Tensor) -> torch.Tensor:
    if stack.is_cuda:
        torch.cuda.synchronize(stack.device)
    return stack


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--threads", type=int, help="torch threads; all by default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    rows = measure(given.runs, given.device)
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
