"""The figures of one analysed frame, as PNG in a folder: what `analyze --out` and `export` draw."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from paretoscope.adapters.plots import (
    plot_choices,
    plot_classes,
    plot_front,
    plot_overlay,
    plot_parameters,
    save,
)
from paretoscope.adapters.plots.front import ends
from paretoscope.analysis import detect
from paretoscope.contract import AtomMap, Classes, LogParams, ParameterMap, ParetoFront


def write_figures(
    folder: Path,
    stem: str,
    image: np.ndarray,
    atoms: AtomMap,
    front: ParetoFront | None,
    classes: Classes | None,
    windows: ParameterMap | None,
    name: str,
) -> list[Path]:
    """Write overlay, front, classes, parameters and choices; those whose document is None are left out.

    image: (rows, columns), any real dtype.  name: what the figures call the frame.
    """
    image = image.astype(np.float32)
    title = name
    if front is not None and front.chosen is not None:
        chosen = front.points[front.chosen]
        title = f"{name}: QC {chosen.qc:.3f}, ER {chosen.er:.3f}"
    figures: dict[str, Callable[[], Figure]] = {"overlay": lambda: plot_overlay(image, atoms, classes, title)}
    if front is not None:
        figures["front"] = lambda: plot_front(front, name)
    if classes is not None:
        figures["classes"] = lambda: plot_classes(image, atoms, classes, name)
    if windows is not None:
        figures["parameters"] = lambda: plot_parameters(image, windows, atoms.pixel_size_nm, title)
    if front is not None and front.points:
        figures["choices"] = lambda: _choices(image, atoms, front, name)
    return [save(draw(), folder / f"{stem}-{kind}.png") for kind, draw in figures.items()]


def _choices(image: np.ndarray, atoms: AtomMap, front: ParetoFront, title: str) -> Figure:
    """The ends of the front; what each finds is detected anew, for the store keeps the chosen one's atoms."""
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
