"""Precision, recall, positions and expected counts on simulated images, against the truth.

    python benchmarks/accuracy.py [--budget-s 2] [--full] [--json FILE]

Prints a markdown table: every sample at three sizes and three doses (all nine together with --full), with the
lattice estimated and with it given, beside `skimage.feature.blob_log` at its documented defaults, scaled: its
sigmas from the true neighbour distance (by default they go up to 50 px), its threshold of 0.2 as a share of
the strongest response (as a number it finds next to nothing); and, where it can be imported, atomap's
`get_atom_positions` with the true separation.

Truth is every column in the frame that is not part of a disordered patch. What is found in such a patch is
left out, and so is what lies within half a neighbour distance of the frame's edge. A found atom is right
within 0.4 of the neighbour distance of a column, each used once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree
from skimage.feature import blob_log

import paretoscope as ps
from paretoscope.contract import StreamPolicy
from paretoscope.core.intensity import to_unit
from paretoscope_sim import Tag, make_sample
from paretoscope_sim.imaging import Frame, Scan, render
from paretoscope_sim.samples import Sample

RIGHT = 0.4
MARGIN = 0.5
SIZES = (128, 256, 512)
DWELLS_US = (8.0, 32.0, 128.0)
CURRENT_PA = 30.0


@dataclass(frozen=True)
class Case:
    name: str
    sample: str
    pixel_nm: float
    given: str | None
    """Lattice by name; None for a film, whose true density is given instead."""
    options: dict[str, float]
    hole: float = 0.0
    """Share of the frame that a round hole in its middle takes."""


PLAIN = {"vacancies": 3, "dopants": 3, "stone_wales": 0, "holes": 0, "amorphous_radius_nm": 0.0}
CASES = (
    *(Case(f"graphene, hole {h:.0%}", "graphene", 0.0178, "graphene", PLAIN, h) for h in (0, 0.1, 0.25, 0.4)),
    Case("graphene, amorphous patch", "graphene", 0.0178, "graphene", PLAIN | {"amorphous_radius_nm": 0.22}),
    Case("SrTiO3", "SrTiO3", 0.0276, "SrTiO3", {}),
    Case("MoS2", "MoS2", 0.02, "MoS2", {"single_vacancies": 3, "double_vacancies": 0, "dopants": 2}),
    Case("BiFeO3", "BiFeO3", 0.028, "BiFeO3", {}),
    Case("amorphous film", "amorphous", 0.024, None, {}),
)


@dataclass(frozen=True)
class Scene:
    image: np.ndarray
    columns: np.ndarray
    """(n, 2) as (y, x), px: the truth."""
    disordered: np.ndarray
    """(m, 2) the same, of atoms in a disordered patch."""
    apart_px: float
    pixel_nm: float
    density_per_nm2: float


@dataclass(frozen=True)
class Row:
    sample: str
    size_px: int
    dwell_us: float
    given: str
    precision: float
    recall: float
    rms_px: float
    expected_error: float
    """Expected count against the true one, as a share."""
    blob_log: tuple[float, float]
    """Precision and recall."""
    atomap: tuple[float, float] | None


def scene(case: Case, size: int, dwell_us: float, seed: int = 0) -> Scene:
    field = size * case.pixel_nm
    options = dict(case.options)
    if options.get("amorphous_radius_nm"):
        options["amorphous_radius_nm"] *= field  # given as a share of the field
    sample = make_sample(case.sample, field_nm=field, seed=seed, **options)
    if case.hole:
        sample = punched(sample, case.hole)
    scan = Scan(shape=(size, size), field_of_view_nm=field, dwell_us=dwell_us, current_pa=CURRENT_PA)
    frame: Frame = render(sample, scan, seed)
    seen = frame.truth.visible()
    places = np.column_stack([seen.y_px, seen.x_px])
    loose = (seen.sample.tag == Tag.AMORPHOUS) & (case.sample != "amorphous")
    density = len(places) / field**2
    return Scene(
        frame.image, places[~loose], places[loose], sample.bond_nm / case.pixel_nm, case.pixel_nm, density
    )


def punched(sample: Sample, share: float) -> Sample:
    """The sample with a round hole of that share of its field."""
    height, width = sample.field_nm
    radius = np.sqrt(share * height * width / np.pi)
    return sample.take(np.hypot(sample.y_nm - height / 2, sample.x_nm - width / 2) > radius)


def judged(found: np.ndarray, at: Scene) -> tuple[float, float, float]:
    """Precision, recall and root mean square distance, px, of found positions (n, 2)."""
    found = np.reshape(found, (-1, 2))
    if len(at.disordered) and len(found):
        loose = KDTree(at.disordered).query(found)[0] < KDTree(at.columns).query(found)[0]
        found = found[~loose]
    if not len(found):
        return 0.0, 0.0, float("nan")
    apart = np.linalg.norm(found[:, None] - at.columns[None], axis=2)
    rows, columns = linear_sum_assignment(np.where(apart <= RIGHT * at.apart_px, apart, 1e6))
    good = apart[rows, columns] <= RIGHT * at.apart_px
    rows, columns = rows[good], columns[good]
    inner_found, inner_true = (_inner(places, at) for places in (found, at.columns))
    distances = apart[rows, columns][inner_true[columns]]
    if not len(distances):
        return 0.0, 0.0, float("nan")
    precision = inner_found[rows].sum() / max(inner_found.sum(), 1)
    recall = inner_true[columns].sum() / max(inner_true.sum(), 1)
    return float(precision), float(recall), float(np.sqrt(np.mean(distances**2)))


def _inner(places: np.ndarray, at: Scene) -> np.ndarray:
    low, high = MARGIN * at.apart_px, np.array(at.image.shape) - 1 - MARGIN * at.apart_px
    return np.all((places >= low) & (places <= high), axis=1)


def ours(case: Case, at: Scene, given: bool, budget_s: float) -> tuple[np.ndarray, float]:
    """Found positions and the expected count."""
    policy = StreamPolicy()
    if given and case.given is None:
        policy = StreamPolicy(density_per_nm2=at.density_per_nm2)
    lattice = case.given if given else None
    result = ps.analyze(at.image, at.pixel_nm, lattice, budget_s=budget_s, policy=policy)
    found = np.column_stack([result.atoms["y_px"], result.atoms["x_px"]])
    return found, result.n_expected or 0.0


def peer_blob_log(at: Scene) -> np.ndarray:
    low, high = 0.15 * at.apart_px, 0.45 * at.apart_px
    scaled: dict[str, Any] = {"min_sigma": low, "max_sigma": high, "threshold": None, "threshold_rel": 0.2}
    return blob_log(to_unit(at.image), **scaled)[:, :2]


def peer_atomap() -> Callable[[Scene], np.ndarray] | None:
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        try:
            finding = importlib.import_module("atomap.atom_finding_refining")
            signals = importlib.import_module("hyperspy.signals")
        except ImportError:
            return None

    def find(at: Scene) -> np.ndarray:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            signal = signals.Signal2D(to_unit(at.image))
            separation = max(int(0.7 * at.apart_px), 2)
            return np.asarray(finding.get_atom_positions(signal, separation=separation))[:, ::-1]

    return find


def conditions(full: bool) -> Iterator[tuple[int, float]]:
    for size in SIZES:
        for dwell in DWELLS_US:
            if full or size == SIZES[1] or dwell == DWELLS_US[1]:
                yield size, dwell


def rows(budget_s: float, full: bool) -> Iterator[Row]:
    atomap = peer_atomap()
    for case in CASES:
        for size, dwell in conditions(full):
            at = scene(case, size, dwell)
            blob = judged(peer_blob_log(at), at)[:2]
            peer = judged(atomap(at), at)[:2] if atomap else None
            for given in (False, True):
                found, expected = ours(case, at, given, budget_s)
                told = "-" if not given else (case.given or "density")
                error = expected / len(at.columns) - 1.0
                yield Row(case.name, size, dwell, told, *judged(found, at), error, blob, peer)


def main() -> None:
    parser = argparse.ArgumentParser(description="Accuracy against simulated truth, as a markdown table.")
    parser.add_argument("--budget-s", type=float, default=2.0)
    parser.add_argument("--full", action="store_true", help="every size at every dose")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    print(
        "| sample | px | dwell, us | given | precision | recall | rms, px | N expected | "
        "blob_log P / R | atomap P / R |\n|---|---|---|---|---|---|---|---|---|---|"
    )
    done = []
    for row in rows(arguments.budget_s, arguments.full):
        done.append(row)
        peer = "not here" if row.atomap is None else "{:.3f} / {:.3f}".format(*row.atomap)
        print(
            f"| {row.sample} | {row.size_px} | {row.dwell_us:g} | {row.given} | {row.precision:.3f} | "
            f"{row.recall:.3f} | {row.rms_px:.2f} | {row.expected_error:+.1%} | "
            "{:.3f} / {:.3f}".format(*row.blob_log)
            + f" | {peer} |",
            flush=True,
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in done], indent=2) + "\n")


if __name__ == "__main__":
    main()
