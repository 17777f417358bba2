"""Sub-pixel positions beside atomap, from the same start on the same pixels, both judged against the truth.

    python benchmarks/refine.py [--runs 7] [--peer-runs 1] [--json FILE]

A sharp lattice of 2209 columns, and graphene from the simulated microscope, whose columns overlap; both 512 x
512 px, found by ``detect_blobs``. The peer is atomap's `refine_atom_positions_using_2d_gaussian`, after the
centre-of-mass step that its documentation puts before it (timed apart); half a minute a scene.

atomap is no dependency of this project. Where it cannot be imported its rows are left out and the note says
so; to have it, make another environment with ``pip install atomap`` and name its site-packages folder in
PARETOSCOPE_ATOMAP: it is searched last, so nothing else changes.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy.spatial import KDTree

from paretoscope.contract import LogParams
from paretoscope.core.blobs import Blobs, detect_blobs
from paretoscope.core.intensity import to_unit
from paretoscope.core.refine import refine
from paretoscope_sim import Scan, make_sample, render

SIDE_PX = 512
RIM_PX = 10.0
"""Columns nearer to the image's edge are left out of the errors: half of them is missing."""


@dataclass(frozen=True)
class Scene:
    name: str
    image: np.ndarray
    truth: np.ndarray
    """(n, 2) as (y, x), px."""
    apart_px: float
    blobs: Blobs


@dataclass(frozen=True)
class Row:
    scene: str
    method: str
    columns: int
    ms: float
    rmse_px: float
    """Along one axis, of columns found within 0.3 of the neighbour distance and away from the rim."""
    ratio: float | None
    """The peer's time over this one's."""
    note: str = ""


def sharp(seed: int = 0, noise: float = 0.1) -> Scene:
    apart, sigma = 11.0, 2.3
    rng = np.random.default_rng(seed)
    at = np.arange(apart / 2, SIDE_PX, apart)
    truth = np.stack(np.meshgrid(at, at, indexing="ij"), axis=-1).reshape(-1, 2)
    truth = truth + rng.normal(0, 0.3, truth.shape)
    grid, image = np.arange(SIDE_PX), np.zeros((SIDE_PX, SIDE_PX))
    for y, x in truth:
        rows, columns = (slice(max(0, int(c) - 12), int(c) + 13) for c in (y, x))
        down = np.exp(-((grid[rows] - y) ** 2) / (2 * sigma**2))
        image[rows, columns] += np.outer(down, np.exp(-((grid[columns] - x) ** 2) / (2 * sigma**2)))
    unit = to_unit(image + noise * rng.standard_normal(image.shape))
    params = LogParams(sigma_min=1.5, sigma_max=4.5, threshold=0.08, overlap=0.3)
    return Scene("sharp lattice", unit, truth, apart, detect_blobs(unit, params))


def graphene(dwell_us: float, seed: int = 0) -> Scene:
    field_nm = 9.1
    quiet = {"vacancies": 3, "dopants": 3, "stone_wales": 0, "holes": 0, "amorphous_radius_nm": 0.0}
    sample = make_sample("graphene", field_nm=field_nm, seed=seed, **quiet)
    scan = Scan(shape=(SIDE_PX, SIDE_PX), field_of_view_nm=field_nm, dwell_us=dwell_us)
    frame = render(sample, scan, seed)
    seen = frame.truth.visible()
    apart = sample.bond_nm / scan.pixel_size_nm
    unit = to_unit(frame.image)
    params = LogParams(sigma_min=0.21 * apart, sigma_max=0.42 * apart, threshold=0.03, overlap=0.3)
    truth = np.column_stack([seen.y_px, seen.x_px])
    return Scene(f"graphene, {dwell_us:g} us", unit, truth, apart, detect_blobs(unit, params))


def rmse_px(places: np.ndarray, scene: Scene) -> float:
    gap, nearest = KDTree(scene.truth).query(places)
    inner = (np.minimum(places, SIDE_PX - 1 - places) > RIM_PX).all(axis=1) & (gap < 0.3 * scene.apart_px)
    error = (places - scene.truth[nearest])[inner]
    # The stage's mean drift within the frame is nobody's error.
    return float(np.sqrt(np.mean((error - error.mean(axis=0)) ** 2)))


def median_ms(work: Callable[[], object], runs: int) -> float:
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1e3 * statistics.median(times)


def ours(scene: Scene, method: Literal["parabola", "gaussian"], runs: int) -> Row:
    atoms = refine(scene.image, scene.blobs, method)
    ms = median_ms(lambda: refine(scene.image, scene.blobs, method), runs)
    places = np.stack([atoms.y_px, atoms.x_px], axis=1).astype(np.float64)
    return Row(scene.name, method, len(scene.blobs), ms, rmse_px(places, scene), None)


def peer(scene: Scene, atomap: Any, runs: int) -> Row:
    start = np.stack([scene.blobs.x_px, scene.blobs.y_px], axis=1).astype(np.float64)
    first, second = [], []
    for _ in range(runs):
        lattice = atomap.Sublattice(start, image=scene.image.astype(np.float64))
        lattice.find_nearest_neighbors()
        began = time.perf_counter()
        lattice.refine_atom_positions_using_center_of_mass(show_progressbar=False)
        first.append(time.perf_counter() - began)
        began = time.perf_counter()
        lattice.refine_atom_positions_using_2d_gaussian(show_progressbar=False)
        second.append(time.perf_counter() - began)
    places = np.stack([lattice.y_position, lattice.x_position], axis=1)
    return Row(
        scene.name,
        "atomap 2-D Gaussian",
        len(start),
        1e3 * statistics.median(second),
        rmse_px(places, scene),
        None,
        f"atomap {version('atomap')}; centre of mass before it {1e3 * statistics.median(first):.0f} ms",
    )


def find_atomap() -> Any | None:
    folder = os.environ.get("PARETOSCOPE_ATOMAP")
    if folder:
        sys.path.append(folder)
    logging.disable(logging.WARNING)  # a line for every column whose fit has not settled
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("atomap.api") and importlib.import_module("atomap.sublattice")
        except ImportError as error:
            print(f"atomap's rows are left out ({error}); see --help for how to have it.", file=sys.stderr)
            return None


def measure(runs: int = 7, peer_runs: int = 1) -> list[Row]:
    rows: list[Row] = []
    atomap = find_atomap()
    for scene in (sharp(), graphene(32.0), graphene(128.0)):
        mine = [ours(scene, "parabola", runs), ours(scene, "gaussian", runs)]
        if atomap is not None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                theirs = peer(scene, atomap, peer_runs)
            mine = [Row(**asdict(one) | {"ratio": theirs.ms / one.ms}) for one in mine] + [theirs]
        rows += mine
    return rows


def table(rows: list[Row]) -> str:
    lines = ["| scene | method | columns | ms | RMSE, px | ratio | |", "|---|---|---|---|---|---|---|"]
    for one in rows:
        ratio = "" if one.ratio is None else f"{one.ratio:.0f}"
        lines.append(
            f"| {one.scene} | {one.method} | {one.columns} | {one.ms:.1f} | {one.rmse_px:.3f} | {ratio} "
            f"| {one.note} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--peer-runs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = measure(given.runs, given.peer_runs)
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in rows], indent=2))


if __name__ == "__main__":
    main()
