"""Classes as in figure 5 of the LoG* paper: overlay, centroid and dispersion images, principal components."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paretoscope.adapters.plots.overlay import class_handles, draw_atoms
from paretoscope.adapters.plots.style import colour_of, new_figure, show_image
from paretoscope.contract import AtomMap, Classes


def plot_classes(image: np.ndarray, atoms: AtomMap, classes: Classes, title: str = "") -> Figure:
    """Return the overlay, each class's mean patch and spread, and its atoms among the components."""
    figure = new_figure(14.0, 6.2)
    grid = figure.add_gridspec(1, 3, width_ratios=[1.25, 0.85, 1.0])
    overlay = figure.add_subplot(grid[0])
    show_image(overlay, image, atoms.pixel_size_nm)
    draw_atoms(overlay, atoms, classes, 5.0)
    if handles := class_handles(atoms, classes):
        overlay.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, -0.01),
            ncols=2,
            frameon=False,
            fontsize=9,
        )
    if classes.classes:
        cells = grid[1].subgridspec(len(classes.classes), 2)
        _patches(figure, cells, classes)
    _scatter(figure.add_subplot(grid[2]), classes)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _patches(figure: Figure, cells, classes: Classes) -> None:
    """One row a class: centroid in one grey scale for all, dispersion in one colour scale for all."""
    centroids, dispersions = np.asarray(classes.centroids), np.asarray(classes.dispersions)
    for row, item in enumerate(classes.classes):
        for column, (stack, cmap, head) in enumerate(
            ((centroids, "gray", "centroid"), (dispersions, "cividis", "dispersion"))
        ):
            axes = figure.add_subplot(cells[row, column])
            low = float(stack.min()) if column == 0 else 0.0
            axes.imshow(stack[row], cmap=cmap, vmin=low, vmax=float(stack.max()) or 1.0, gid=head)
            axes.set_xticks([])
            axes.set_yticks([])
            for spine in axes.spines.values():
                spine.set_color(colour_of(item.class_id))
                spine.set_linewidth(2.5)
            if row == 0:
                axes.set_title(head, fontsize=9)
            if column == 0:
                name = item.name or f"class {item.class_id}"
                axes.set_ylabel(f"{name}\n{item.count}", fontsize=9)


def _scatter(axes: Axes, classes: Classes) -> None:
    labels, components = np.asarray(classes.labels), np.asarray(classes.components)
    for item in classes.classes:
        of_class = labels == item.class_id
        axes.scatter(
            components[of_class, 0],
            components[of_class, 1],
            s=10,
            color=colour_of(item.class_id),
            edgecolors="#44444466",
            linewidths=0.3,
            gid=f"class-{item.class_id}",
        )
    shares = [*(f" ({share:.0%})" for share in classes.explained_variance[:2]), "", ""]
    axes.set_xlabel(f"principal component 1{shares[0]}")
    axes.set_ylabel(f"principal component 2{shares[1]}")
    axes.set_title("patches in the plane of their first two components", fontsize=9)
    axes.grid(color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if not classes.classes:
        axes.text(0.5, 0.5, classes.note or "no classes", ha="center", transform=axes.transAxes)
