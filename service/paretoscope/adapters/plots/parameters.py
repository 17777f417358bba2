"""The parameter map as in figure 3 of the LoG* paper: windows, their best parameters, their counts."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from paretoscope.adapters.plots.style import ACCENT, INK, PALETTE, new_figure, show_image
from paretoscope.contract import ParameterMap, WindowResult

_PANELS = {
    "sigma_min": "sigma min, px",
    "sigma_max": "sigma max, px",
    "threshold": "threshold",
    "overlap": "overlap",
    "qc": "QC",
    "er": "ER",
}
_MOST_NUMBERED = 64


def plot_parameters(
    image: np.ndarray,
    windows: ParameterMap,
    pixel_size_nm: tuple[float, float] | None = None,
    title: str = "",
) -> Figure:
    """Return the windows on the image, a map of each parameter and reward over them, and N per window."""
    figure = new_figure(15.0, 7.4)
    panels = figure.subplots(2, 4)
    show_image(panels[0, 0], image, pixel_size_nm)
    _outline(panels[0, 0], windows)
    for axes, (name, label) in zip(panels[:, 1:].flat, _PANELS.items(), strict=True):
        _map(figure, axes, windows, name, label)
    _counts(panels[1, 0], windows)
    if title:
        figure.suptitle(title, fontsize=11)
    return figure


def _outline(axes: Axes, windows: ParameterMap) -> None:
    """All windows thin, the first, middle and last one bold: they overlap too much to colour all."""
    side, last = windows.window_px, len(windows.windows) - 1
    shown = [0, last // 2, last]
    for index, window in enumerate(windows.windows):
        corner = (window.x_px - 0.5, window.y_px - 0.5)
        style = {"edgecolor": "white", "linewidth": 0.4, "alpha": 0.5}
        if index in shown:
            style = {"edgecolor": PALETTE[shown.index(index)], "linewidth": 2.0, "zorder": 3}
        axes.add_patch(Rectangle(corner, side, side, fill=False, gid=f"window-{index}", **style))
    axes.set_title(f"{len(windows.windows)} windows of {side} px, step {windows.step_px} px", fontsize=9)


def _map(figure: Figure, axes: Axes, windows: ParameterMap, name: str, label: str) -> None:
    values = np.array([_value(window, name) for window in windows.windows], dtype=float)
    grid = np.ma.masked_invalid(values.reshape(windows.grid))
    axes.set_facecolor("#D8D8D8")  # windows with nothing to count
    low, high = (float(grid.min()), float(grid.max())) if grid.count() else (0.0, 1.0)
    if name in ("qc", "er"):
        low, high = 0.0, max(high, 0.01)
    elif high <= low:
        low, high = 0.9 * low, 1.1 * high + 1e-9
    drawn = axes.imshow(grid, cmap="cividis", vmin=low, vmax=high, gid=name)
    if grid.count():
        figure.colorbar(drawn, ax=axes, shrink=0.8)
    axes.set_title(label, fontsize=9)
    axes.set_xticks(range(windows.grid[1]))
    axes.set_yticks(range(windows.grid[0]))
    axes.tick_params(labelsize=7)
    if values.size <= _MOST_NUMBERED:
        bright = 0.5 * (low + high)
        for (row, column), value in np.ndenumerate(grid):
            if value is not np.ma.masked and np.isfinite(value):
                ink = INK if value > bright else "white"
                axes.text(column, row, f"{value:.2g}", ha="center", va="center", fontsize=6, color=ink)


def _value(window: WindowResult, name: str) -> float:
    if name in ("qc", "er"):
        value = getattr(window, name)
    else:
        value = getattr(window.params, name) if window.params is not None else None
    return float("nan") if value is None else float(value)


def _counts(axes: Axes, windows: ParameterMap) -> None:
    index = np.arange(len(windows.windows))
    found = [window.n_found for window in windows.windows]
    expected = [float("nan") if w.n_expected is None else w.n_expected for w in windows.windows]
    axes.plot(index, expected, color="#777777", linewidth=1.2, label="N expected", gid="expected")
    axes.plot(index, found, "o-", color=ACCENT, markersize=3, linewidth=1, label="N found", gid="found")
    axes.set_xlabel("window, row by row")
    axes.set_ylabel("atoms")
    axes.set_ylim(bottom=0)
    axes.grid(color="#E6E6E6", linewidth=0.7)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
