"""Precision, recall and F1 of the analysis on images whose atoms somebody else has marked.

    python benchmarks/labelled.py FOLDER [--budget-s 5] [--json FILE]

FOLDER holds the labelled images and their lists of positions. An atom counts as found when it lies within
half a typical neighbour distance of a marked one, each used once (Hungarian). Where only a part of an image
is marked, atoms away from every mark are left out of the count, and the row says so.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import h5py
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import KDTree

import paretoscope as ps
from paretoscope.adapters.files import read_image
from paretoscope.contract import StreamPolicy


@dataclass(frozen=True)
class Case:
    image: str
    marks: Callable[[Path], np.ndarray]
    """Folder -> (marks, 2) as (y, x), px."""
    partly: bool
    """True where not every atom of the image is marked."""
    ordered: bool
    """False for single atoms on a support: the number of marks is then given as the expected count."""
    lattice: str | None = None
    """None: estimated from the image."""


@dataclass(frozen=True)
class Score:
    image: str
    lattice: str
    marks: int
    found: int
    precision: float
    recall: float
    f1: float
    rms_px: float
    qc: float | None
    er: float | None
    partly_marked: bool


def csv_marks(name: str) -> Callable[[Path], np.ndarray]:
    def read(folder: Path) -> np.ndarray:
        with (folder / name).open(newline="") as handle:
            return np.array([(float(row["Y"]), float(row["X"])) for row in csv.DictReader(handle)])

    return read


def npy_marks(name: str) -> Callable[[Path], np.ndarray]:
    return lambda folder: np.load(folder / name, allow_pickle=False)[:, ::-1]


def atomap_marks(name: str) -> Callable[[Path], np.ndarray]:
    def read(folder: Path) -> np.ndarray:
        with h5py.File(folder / name, "r") as file:
            return np.asarray(file["_sublattice/atom_positions"])[:, ::-1]

    return read


PLATINUM = "HPAI_053_HAADF_15nm_Sample_PtNC_21Oct20.tif"
GOLD = "TEMUL_Au_NP_Atom_Lattice.hdf5"
PTO = "TEMUL_Cropped_PTO-SRO_Aligned.hspy"
CASES = (
    Case(PLATINUM, csv_marks("HPAI_053_Results.csv"), partly=False, ordered=False),
    Case("Sjeon1_bpy_crop20.tif", csv_marks("Sjeon1_bpy_crop20.csv"), partly=False, ordered=False),
    Case(PTO, npy_marks("TEMUL_Cropped_PTO-SRO_Aligned_Asite_xy.npy"), partly=True, ordered=True),
    Case(PTO, npy_marks("TEMUL_Cropped_PTO-SRO_Aligned_Asite_xy.npy"), True, True, "SrTiO3"),
    Case(GOLD, atomap_marks(GOLD), partly=True, ordered=True),
)


def match(found: np.ndarray, marks: np.ndarray, radius_px: float) -> np.ndarray:
    """Distances of the pairs of found and marked atoms within `radius_px`, each used at most once."""
    if not len(found) or not len(marks):
        return np.zeros(0)
    apart = np.linalg.norm(found[:, None] - marks[None], axis=2)
    cost = np.where(apart <= radius_px, apart, 1e6)
    rows, columns = linear_sum_assignment(cost)
    pairs = apart[rows, columns]
    return pairs[pairs <= radius_px]


def score(case: Case, folder: Path, budget_s: float) -> Score:
    file = read_image(folder / case.image)
    marks = case.marks(folder)
    spacing = float(np.median(KDTree(marks).query(marks, k=2)[0][:, 1]))
    policy = StreamPolicy() if case.ordered else StreamPolicy(count=len(marks))
    analysis = ps.analyze(file.image, file.pixel_size_nm, case.lattice, budget_s=budget_s, policy=policy)
    found = np.column_stack([analysis.atoms["y_px"], analysis.atoms["x_px"]])
    radius = min(0.5 * spacing, 8.0)
    if case.partly and len(found):
        near = KDTree(marks).query(found)[0] <= radius
        counted = found[near]
    else:
        counted = found
    pairs = match(counted, marks, radius)
    precision = len(pairs) / len(counted) if len(counted) else 0.0
    recall = len(pairs) / len(marks)
    chosen = analysis.chosen
    return Score(
        image=case.image,
        lattice=case.lattice or ("estimated" if case.ordered else "count given"),
        marks=len(marks),
        found=len(found),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if pairs.size else 0.0,
        rms_px=float(np.sqrt(np.mean(pairs**2))) if pairs.size else float("nan"),
        qc=chosen.qc if chosen else None,
        er=chosen.er if chosen else None,
        partly_marked=case.partly,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Precision, recall and F1 against marked atoms.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--budget-s", type=float, default=5.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    scores = [score(case, arguments.folder, arguments.budget_s) for case in CASES]
    head = f"{'image':45}{'lattice':13}{'marks':>6}{'found':>7}"
    print(f"{head}{'precision':>10}{'recall':>8}{'F1':>7}{'rms px':>8}")
    for row in scores:
        partly = "  (partly marked: precision near marks only)" if row.partly_marked else ""
        print(
            f"{row.image:45}{row.lattice:13}{row.marks:6}{row.found:7}{row.precision:10.3f}{row.recall:8.3f}{row.f1:7.3f}"
            f"{row.rms_px:8.2f}{partly}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in scores], indent=2) + "\n")


if __name__ == "__main__":
    main()
