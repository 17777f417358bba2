"""Two choices compared as in figure 6 of the LoG* paper: the front, and what each of two points finds."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from paretoscope.adapters.plots.front import LEAST_ER, LEAST_QC, draw_front
from paretoscope.adapters.plots.overlay import draw_atoms
from paretoscope.adapters.plots.style import PALETTE, new_figure, show_image
from paretoscope.contract import AtomMap, ParetoFront


def plot_choices(
    image: np.ndarray,
    front: ParetoFront,
    first: tuple[int, AtomMap],
    second: tuple[int, AtomMap],
    title: str = "",
) -> Figure:
    """Return the front and, side by side, the detections of two of its points.

    first, second: (index into ``front.points``, the atoms found with it), usually the ends of the front.
    """
    figure = new_figure(17.0, 6.0)
    left, middle, right = figure.subplots(1, 3)
    draw_front(left, front)
    for axes, (index, atoms), colour, letter in (
        (middle, first, LEAST_QC, "A"),
        (right, second, LEAST_ER, "B"),
    ):
        point = front.points[index]
        left.annotate(
            letter,
            (point.qc, point.er),
            textcoords="offset points",
            xytext=(-14 if letter == "A" else 10, 8),
            fontsize=12,
            fontweight="bold",
            color=colour,
        )
        show_image(axes, image, atoms.pixel_size_nm)
        draw_atoms(axes, atoms, None, 5.5, PALETTE[0])
        axes.set_title(
            f"{letter}: {atoms.count} atoms, QC {point.qc:.3f}, ER {point.er:.3f}", color=colour, fontsize=10
        )
        for spine in axes.spines.values():
            spine.set_color(colour)
            spine.set_linewidth(2.5)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure
