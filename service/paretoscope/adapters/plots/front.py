"""The Pareto front: missed and surplus atoms against atoms too close to each other."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paretoscope.adapters.plots.style import ACCENT, INK, PALETTE, new_figure
from paretoscope.contract import FrontPoint, ParetoFront

LEAST_QC, LEAST_ER = PALETTE[6], PALETTE[3]


def plot_front(front: ParetoFront, title: str = "") -> Figure:
    """Return QC against ER with the chosen point and the two ends marked."""
    figure = new_figure(6.4, 5.0)
    axes = figure.subplots()
    draw_front(axes, front)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def draw_front(axes: Axes, front: ParetoFront) -> None:
    axes.set_xlabel("QC: |N found - N expected| / N expected")
    axes.set_ylabel("ER: atoms too close / N expected")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#E6E6E6", linewidth=0.7)
    axes.set_axisbelow(True)
    if not front.points:
        axes.text(0.5, 0.5, "nothing was found", ha="center", va="center", transform=axes.transAxes)
        return
    qc = np.array([point.qc for point in front.points])
    er = np.array([point.er for point in front.points])
    best = np.array([not point.dominated for point in front.points])
    order = np.flatnonzero(best)[np.lexsort((-er[best], qc[best]))]
    axes.plot(qc[order], er[order], drawstyle="steps-post", color="#9A9A9A", linewidth=1.2, zorder=1)
    axes.scatter(qc[best], er[best], s=36, color=INK, zorder=2, gid="front", label="front")
    if not best.all():
        axes.scatter(qc[~best], er[~best], s=36, facecolors="none", edgecolors=INK, gid="dominated", zorder=2)
    low, high = ends(front.points)
    _mark(axes, front.points[low], "least QC", LEAST_QC)
    _mark(axes, front.points[high], "least ER", LEAST_ER)
    if front.chosen is not None:
        point = front.points[front.chosen]
        found = f"chosen: {point.n_found} atoms"
        axes.scatter(point.qc, point.er, marker="*", s=240, color=ACCENT, gid="chosen", label=found, zorder=3)
    axes.set_title(_caption(front), fontsize=9, color="#555555", loc="left")
    axes.legend(frameon=False, fontsize=9, loc="upper right")
    # A front of one point or along an axis still needs an area to stand in.
    for values, limit in ((qc, axes.set_xlim), (er, axes.set_ylim)):
        top = max(1.15 * float(values.max()), 0.02)
        limit(-0.05 * top, top)


def ends(points: list[FrontPoint]) -> tuple[int, int]:
    """Indices of the points with least QC and with least ER (ties: the smaller other reward)."""
    low = min(range(len(points)), key=lambda index: (points[index].qc, points[index].er))
    high = min(range(len(points)), key=lambda index: (points[index].er, points[index].qc))
    return low, high


def _mark(axes: Axes, point: FrontPoint, label: str, colour: str) -> None:
    text = f"{label}: {point.n_found} atoms"
    gid = label.replace(" ", "-").lower()
    axes.scatter(
        point.qc, point.er, s=110, facecolors="none", edgecolors=colour, linewidths=2, gid=gid, label=text
    )


def _caption(front: ParetoFront) -> str:
    parts = []
    if front.n_expected is not None:
        parts.append(f"N expected {front.n_expected.value:.0f} ({front.n_expected.source})")
    parts.append(f"{front.evaluations} evaluations, {front.optimiser}")
    return "; ".join(parts)
