"""What `paretoscope analyze` says about one file: a JSON object, a table, a CSV of atoms."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from paretoscope import __version__
from paretoscope.adapters.files import ImageFile
from paretoscope.analysis import Analysis
from paretoscope.contract import LogParams


def summary(file: ImageFile, analysis: Analysis, device: str) -> dict[str, Any]:
    """Return the JSON object of one file; every key is always there, null where nothing is known."""
    chosen, expected, classes = analysis.chosen, analysis.expected, analysis.classes
    return {
        "file": str(file.path),
        "shape": list(file.image.shape),
        "pixel_size_nm": None if file.pixel_size_nm is None else list(file.pixel_size_nm),
        "atoms": len(analysis.atoms["y_px"]),
        "qc": None if chosen is None else chosen.qc,
        "er": None if chosen is None else chosen.er,
        "n_expected": None if expected is None else expected.value,
        "n_expected_source": None if expected is None else expected.source,
        "params": None if chosen is None else _params(chosen.params),
        "front": [{"params": _params(p.params), "qc": p.qc, "er": p.er} for p in analysis.front],
        "classes": {} if classes is None else {_name(c): c.count for c in classes.classes},
        "timings_ms": {name: round(ms, 3) for name, ms in analysis.timings_ms.items()},
        "device": device,
        "version": __version__,
    }


def table(file: ImageFile, analysis: Analysis, budget_note: str = "") -> Table:
    """Return the same for people."""
    rows, columns = file.image.shape
    grid = Table(title=file.path.name, title_justify="left", show_header=False, box=None, pad_edge=False)
    grid.add_column(style="bold")
    grid.add_column()
    size = file.pixel_size_nm
    grid.add_row(
        "image", f"{rows} x {columns} px, " + (f"{size[1] * 1e3:.4g} pm/px" if size else "pixel size unknown")
    )
    expected = analysis.expected
    if expected is not None:
        grid.add_row("lattice", expected.lattice or "none")
        grid.add_row("N expected", f"{expected.value:.0f} ({expected.source})")
        if expected.note:
            grid.add_row("", expected.note)
    chosen = analysis.chosen
    grid.add_row("atoms", str(len(analysis.atoms["y_px"])))
    if chosen is not None:
        grid.add_row("QC, ER", f"{chosen.qc:.4f}, {chosen.er:.4f}")
        grid.add_row("parameters", ", ".join(f"{k} {v:.4g}" for k, v in _params(chosen.params).items()))
    grid.add_row("front", f"{len(analysis.front)} points")
    if analysis.classes is not None:
        counts = ", ".join(f"{_name(c)}: {c.count}" for c in analysis.classes.classes)
        grid.add_row("classes", counts or analysis.classes.note or "none")
    grid.add_row("time", f"{sum(analysis.timings_ms.values()):.0f} ms{budget_note}")
    for note in file.notes:
        grid.add_row("note", note)
    return grid


def _params(params: LogParams) -> dict[str, float]:
    return {
        "sigma_min": params.sigma_min,
        "sigma_max": params.sigma_max,
        "threshold": params.threshold,
        "overlap": params.overlap,
        "num_sigma": params.num_sigma,
    }


def _name(item: Any) -> str:
    return item.name or str(item.class_id)
