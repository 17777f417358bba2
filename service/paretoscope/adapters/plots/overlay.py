"""The image with its atoms by class and the outline of the area that counts."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy.spatial import KDTree

from paretoscope.adapters.plots.style import colour_of, marker_area, new_figure, show_image
from paretoscope.contract import AtomMap, Classes

_KINDS = {0: ("vacuum", "#56B4E9", "solid"), 2: ("disordered", "#CC79A7", "dashed")}


def plot_overlay(
    image: np.ndarray, atoms: AtomMap, classes: Classes | None = None, title: str = ""
) -> Figure:
    """Return the image with a ring round every atom, coloured by class, and the mask's outlines.

    image: (rows, columns).  Side by side with the bare image, so that what was found can be judged.
    """
    rows, columns = image.shape
    wide = columns > 1.6 * rows
    width = 13.0 if not wide else 12.0
    panel_in = width if wide else width / 2
    height = (2 if wide else 1) * panel_in * rows / columns + 1.0
    figure = new_figure(width, float(np.clip(height, 3.0, 16.0)))
    bare, marked = figure.subplots(2, 1) if wide else figure.subplots(1, 2)
    show_image(bare, image, atoms.pixel_size_nm)
    show_image(marked, image, atoms.pixel_size_nm)
    draw_mask(marked, atoms)
    draw_atoms(marked, atoms, classes, panel_in)
    handles = [*class_handles(atoms, classes), *mask_handles(atoms)]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    marked.set_title(f"{atoms.count} atoms", fontsize=10)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def draw_atoms(
    axes: Axes, atoms: AtomMap, classes: Classes | None, width_in: float, colour: str | None = None
) -> None:
    """Rings at the atoms, one collection a class with `gid` 'class-<id>', so that they can be found again."""
    labels = labels_of(atoms, classes)
    area = marker_area(ring_radius_px(atoms), atoms.shape[1], width_in)
    for class_id in np.unique(labels):
        of_class = labels == class_id
        axes.scatter(
            atoms.columns["x_px"][of_class],
            atoms.columns["y_px"][of_class],
            s=area,
            facecolors="none",
            edgecolors=colour or colour_of(int(class_id)),
            linewidths=0.9,
            gid=f"class-{class_id}",
        )


def ring_radius_px(atoms: AtomMap) -> float:
    """A ring that holds an atom and touches no neighbour's."""
    if not atoms.count:
        return 1.0
    radius = 1.3 * float(np.median(atoms.columns["sigma_px"]))
    if atoms.count == 1:
        return radius
    places = np.column_stack([atoms.columns["y_px"], atoms.columns["x_px"]])
    return min(radius, 0.36 * float(np.median(KDTree(places).query(places, k=2)[0][:, 1])))


def draw_mask(axes: Axes, atoms: AtomMap) -> None:
    """Outline vacuum and disordered areas; nothing where the whole frame is lattice."""
    if atoms.mask is None:
        return
    mask, step = np.asarray(atoms.mask), atoms.mask_step_px
    y = (np.arange(mask.shape[0]) + 0.5) * step - 0.5
    x = (np.arange(mask.shape[1]) + 0.5) * step - 0.5
    for kind, (_, colour, line) in _KINDS.items():
        inside = mask == kind
        if inside.any() and not inside.all() and min(mask.shape) > 1:
            drawn = axes.contour(
                x, y, inside, levels=[0.5], colors=[colour], linestyles=[line], linewidths=1.4
            )
            drawn.set_gid(f"mask-{kind}")


def labels_of(atoms: AtomMap, classes: Classes | None) -> np.ndarray:
    """Class id per atom; -1 where there are no classes."""
    if classes is not None and len(classes.labels) == atoms.count:
        return np.asarray(classes.labels)
    return np.asarray(atoms.columns.get("class_id", np.full(atoms.count, -1))).astype(int)


def class_handles(atoms: AtomMap, classes: Classes | None) -> list[Line2D]:
    """One legend entry a class with its name and count."""
    labels = labels_of(atoms, classes)
    names = {item.class_id: item.name for item in classes.classes} if classes else {}
    handles = []
    for class_id in np.unique(labels):
        name = names.get(int(class_id)) or (f"class {class_id}" if class_id >= 0 else "not classed")
        handles.append(
            _handle(colour_of(int(class_id)), f"{name}: {np.count_nonzero(labels == class_id)}", "o", "none")
        )
    return handles


def mask_handles(atoms: AtomMap) -> list[Line2D]:
    present = set() if atoms.mask is None else set(np.unique(atoms.mask).tolist())
    return [
        _handle(colour, name, None, line) for kind, (name, colour, line) in _KINDS.items() if kind in present
    ]


def _handle(colour: str, label: str, marker: str | None, line: Any) -> Line2D:
    edge = "#444444" if colour == "#FFFFFF" else colour
    return Line2D([], [], color=edge, marker=marker, markerfacecolor="none", linestyle=line, label=label)
