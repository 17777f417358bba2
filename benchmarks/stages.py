"""Stage times of a whole analysis for 128, 256 and 512 px frames, simulated, with their accuracy.

    python benchmarks/stages.py [--runs 5] [--budget-s 3] [--json FILE]

Every frame is analysed `--runs` times with different seeds of the search; medians are printed. Precision and
recall are against the simulator's truth, within 0.4 of the neighbour distance.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial import cKDTree

import paretoscope as ps
from paretoscope_sim import Scan, make_sample, render

PIXEL_NM = {"graphene": 0.0156, "SrTiO3": 0.0234}
"""As on an instrument: 8 nm and 12 nm over 512 pixels."""
SIZES = (128, 256, 512)


def measure(sample: str, size: int, runs: int, budget_s: float) -> dict[str, Any]:
    """One row: medians over `runs` analyses of one simulated frame."""
    field_nm = PIXEL_NM[sample] * size
    scan = Scan(field_of_view_nm=field_nm, shape=(size, size))
    frame = render(make_sample(sample, field_nm=field_nm, seed=1), scan, seed=7)
    ps.analyze(frame.image, PIXEL_NM[sample], sample, budget_s)  # first calls load and plan; not counted
    analyses = [
        ps.analyze(frame.image, PIXEL_NM[sample], sample, budget_s, seed=seed) for seed in range(runs)
    ]
    stages = {
        name: statistics.median(analysis.timings_ms.get(name, 0.0) for analysis in analyses)
        for name in analyses[0].timings_ms
    }
    truth = np.column_stack([frame.truth.y_px, frame.truth.x_px])[frame.truth.in_frame]
    scores = [_precision_recall(analysis, truth) for analysis in analyses]
    return {
        "sample": sample,
        "size_px": size,
        "atoms_true": len(truth),
        "atoms": statistics.median(len(analysis.atoms["y_px"]) for analysis in analyses),
        "n_expected": analyses[0].n_expected,
        "precision": statistics.median(score[0] for score in scores),
        "recall": statistics.median(score[1] for score in scores),
        "stages_ms": stages,
        "total_ms": statistics.median(sum(analysis.timings_ms.values()) for analysis in analyses),
    }


def _precision_recall(analysis: ps.Analysis, truth: np.ndarray) -> tuple[float, float]:
    found = np.column_stack([analysis.atoms["y_px"], analysis.atoms["x_px"]])
    if not len(found):
        return 0.0, 0.0
    reach = 0.4 * analysis.expected.neighbour_px if analysis.expected else 3.0
    distance, partner = cKDTree(truth).query(found)
    hits = len(np.unique(partner[distance < reach]))
    return hits / len(found), hits / len(truth)


def table(rows: list[dict[str, Any]]) -> str:
    """Markdown, one row a frame."""
    names = list(dict.fromkeys(name for row in rows for name in row["stages_ms"]))
    head = ["frame", "atoms found / true", "precision / recall", *names, "total ms"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for row in rows:
        cells = [
            f"{row['sample']} {row['size_px']} px",
            f"{row['atoms']:.0f} / {row['atoms_true']}",
            f"{row['precision']:.3f} / {row['recall']:.3f}",
            *(f"{row['stages_ms'].get(name, 0.0):.1f}" for name in names),
            f"{row['total_ms']:.0f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--budget-s", type=float, default=3.0)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = [measure(sample, size, given.runs, given.budget_s) for sample in PIXEL_NM for size in SIZES]
    print(table(rows))
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
