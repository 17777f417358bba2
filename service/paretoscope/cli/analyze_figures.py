"""The figures and tables that `paretoscope analyze --out` leaves in a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from paretoscope.adapters.exporters import csv_text
from paretoscope.adapters.exporters.formats import write_whole
from paretoscope.adapters.files import ImageFile
from paretoscope.analysis import Analysis
from paretoscope.cli.frame_figures import write_figures
from paretoscope.contract import AtomMap, ParetoFront


def write_all(
    folder: Path, stem: str, file: ImageFile, analysis: Analysis, facts: dict[str, Any]
) -> list[Path]:
    """Write overlay, front, classes, parameters and choices as PNG, atoms as CSV, the summary as JSON."""
    atoms: AtomMap = analysis.document(AtomMap)
    summary = json.dumps(facts, indent=2, allow_nan=False) + "\n"
    figures = write_figures(
        folder,
        stem,
        file.image,
        atoms,
        analysis.document(ParetoFront),
        analysis.classes,
        analysis.windows,
        file.path.name,
    )
    return [
        write_whole(folder / f"{stem}-atoms.csv", csv_text.encode(atoms, atoms.columns)),
        write_whole(folder / f"{stem}-summary.json", summary.encode()),
        *figures,
    ]
