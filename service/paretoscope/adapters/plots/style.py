"""What all figures share: colours, the image as a backdrop, a scale bar, saving."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

PALETTE = ("#E69F00", "#56B4E9", "#F0E442", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#FFFFFF")
"""Okabe and Ito (2008), told apart by colour-blind readers; ordered to stand out on a dark image."""
UNCLASSED = "#B0B0B0"
INK = "#222222"
ACCENT = "#D55E00"
_DPI = 150


def colour_of(class_id: int) -> str:
    """The colour of a class; the same id has the same colour in every figure and frame."""
    return UNCLASSED if class_id < 0 else PALETTE[class_id % len(PALETTE)]


def new_figure(width_in: float, height_in: float) -> Figure:
    return Figure(figsize=(width_in, height_in), layout="constrained", facecolor="white")


def save(figure: Figure, path: Path) -> Path:
    """Write a PNG whole or not at all; the folder must be there."""
    path = Path(path)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        figure.savefig(partial, format="png", dpi=_DPI)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def show_image(axes: Axes, image: np.ndarray, pixel_size_nm: tuple[float, float] | None) -> None:
    """Draw (rows, columns) in grey, 0.3 % of the pixels cut at either end, with a scale bar."""
    low, high = np.percentile(image, (0.3, 99.7))
    if high <= low:
        low, high = float(image.min()), float(image.max()) + 1e-9
    axes.imshow(image, cmap="gray", vmin=low, vmax=high, origin="upper", aspect=_aspect(pixel_size_nm))
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(-0.5, image.shape[1] - 0.5)
    axes.set_ylim(image.shape[0] - 0.5, -0.5)
    scale_bar(axes, (image.shape[0], image.shape[1]), pixel_size_nm)


def scale_bar(axes: Axes, shape: tuple[int, int], pixel_size_nm: tuple[float, float] | None) -> None:
    """A bar of a round length, about a fifth of the width: in nm or pm, else in px."""
    rows, columns = shape
    step = pixel_size_nm[1] if pixel_size_nm else 1.0
    length = round_length(0.22 * columns * step)
    if pixel_size_nm is None:
        text = f"{length:g} px"
    else:
        text = f"{length:g} nm" if length >= 1 else f"{length * 1000:g} pm"
    width, height = length / step, 0.012 * rows
    left, top = 0.04 * columns, 0.945 * rows
    box: dict[str, Any] = {"facecolor": "black", "alpha": 0.45, "linewidth": 0, "zorder": 4}
    corner = (left - 0.02 * columns, top - 0.055 * rows)
    axes.add_patch(Rectangle(corner, width + 0.04 * columns, 0.08 * rows, **box))
    axes.add_patch(Rectangle((left, top), width, height, facecolor="white", linewidth=0, zorder=5))
    label: dict[str, Any] = {"color": "white", "ha": "center", "va": "bottom", "fontsize": 9, "zorder": 5}
    axes.text(left + width / 2, top - 0.004 * rows, text, fontweight="bold", **label)


def round_length(length: float) -> float:
    """The largest of 1, 2, 5 x 10^n that is not above `length`."""
    power = 10.0 ** math.floor(math.log10(length))
    return max(factor * power for factor in (1, 2, 5) if factor * power <= length * 1.0000001)


def marker_area(radius_px: float, columns: int, width_in: float) -> float:
    """Return scatter's `s` (square points) for circles of `radius_px` on an image drawn `width_in` wide."""
    return float(np.clip(2 * radius_px * width_in * 72 / columns, 2.0, 16.0) ** 2)


def _aspect(pixel_size_nm: tuple[float, float] | None) -> float:
    return pixel_size_nm[0] / pixel_size_nm[1] if pixel_size_nm else 1.0
