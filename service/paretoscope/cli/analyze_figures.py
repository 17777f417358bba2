"""The figures and tables that `paretoscope analyze --out` leaves in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from paretoscope.adapters.files import ImageFile
from paretoscope.adapters.plots import (
    plot_choices,
    plot_classes,
    plot_front,
    plot_overlay,
    plot_parameters,
    save,
)
from paretoscope.adapters.plots.front import ends
from paretoscope.analysis import Analysis, detect
from paretoscope.cli.analyze_report import write_atoms
from paretoscope.contract import AtomMap, LogParams, ParetoFront


def write_all(
    folder: Path, stem: str, file: ImageFile, analysis: Analysis, facts: dict[str, Any]
) -> list[Path]:
    """Write overlay, front, classes, parameters and choices as PNG, atoms as CSV, the summary as JSON."""
    atoms, front = analysis.document(AtomMap), analysis.document(ParetoFront)
    title = (
        f"{file.path.name}: QC {facts['qc']:.3f}, ER {facts['er']:.3f}" if facts["front"] else file.path.name
    )
    image = file.image.astype(np.float32)
    written = [write_atoms(folder / f"{stem}-atoms.csv", analysis.atoms)]
    summary = folder / f"{stem}-summary.json"
    summary.write_text(json.dumps(facts, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    written.append(summary)
    figures = {
        "overlay": lambda: plot_overlay(image, atoms, analysis.classes, title),
        "front": lambda: plot_front(front, file.path.name),
    }
    classes, windows = analysis.classes, analysis.windows
    if classes is not None:
        figures["classes"] = lambda: plot_classes(image, atoms, classes, file.path.name)
    if windows is not None:
        figures["parameters"] = lambda: plot_parameters(image, windows, file.pixel_size_nm, title)
    if front.points:
        figures["choices"] = lambda: _choices(image, atoms, front, file.path.name)
    for name, draw in figures.items():
        written.append(save(draw(), folder / f"{stem}-{name}.png"))
    return written


def _choices(image: np.ndarray, atoms: AtomMap, front: ParetoFront, title: str):
    first, second = ends(front.points)
    found = [(index, _detected(image, atoms, front.points[index].params)) for index in (first, second)]
    return plot_choices(image, front, found[0], found[1], title)


def _detected(image: np.ndarray, like: AtomMap, params: LogParams) -> AtomMap:
    blobs = detect(image, params)
    columns = {"y_px": blobs.y_px, "x_px": blobs.x_px, "sigma_px": blobs.sigma_px}
    return AtomMap(
        frame_id=like.frame_id,
        columns={name: np.asarray(column, np.float32) for name, column in columns.items()},
        pixel_size_nm=like.pixel_size_nm,
        shape=like.shape,
        params=params,
    )
