"""Frames and truth as files."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from paretoscope.errors import BadFile
from paretoscope_sim.imaging.render import Frame, FrameTruth
from paretoscope_sim.samples import COLUMNS, Tag


def check_image_path(path: Path) -> None:
    """Raise BadFile unless an image can be written under this name."""
    if path.suffix.lower() not in (".npy", ".tif", ".tiff", ".png"):
        raise BadFile("unknown-format", hint=f"Cannot write '{path.name}': end it in .npy, .tif or .png.")


def write_image(path: Path, image: NDArray, pixel_size_nm: float | None) -> None:
    """Write (rows, columns) uint16 as .npy (with a .json beside it), .tif or .png, by the path's ending."""
    check_image_path(path)
    kind = path.suffix.lower()
    if kind == ".npy":
        np.save(path, image, allow_pickle=False)
        if pixel_size_nm is not None:
            path.with_suffix(".json").write_text(json.dumps({"pixel_size_nm": pixel_size_nm}) + "\n")
    elif kind in (".tif", ".tiff"):
        _write_tiff(path, image, pixel_size_nm)
    elif kind == ".png":
        from PIL import Image

        Image.fromarray(for_the_eye(image)).save(path)


def _write_tiff(path: Path, image: NDArray, pixel_size_nm: float | None) -> None:
    import tifffile

    if pixel_size_nm is None:
        tifffile.imwrite(path, image)
    else:
        per_nm = 1.0 / pixel_size_nm
        tifffile.imwrite(path, image, imagej=True, resolution=(per_nm, per_nm), metadata={"unit": "nm"})


def for_the_eye(image: NDArray) -> NDArray[np.uint8]:
    """Return a picture, (rows, columns) uint8: the darkest 0.2 % black, the brightest 0.1 % white."""
    low, high = np.percentile(image, [0.2, 99.9])
    return (np.clip((image - low) / max(high - low, 1.0), 0.0, 1.0) * 255.0).astype(np.uint8)


def write_frame(path: Path, frame: Frame) -> None:
    write_image(path, frame.image, frame.scan.pixel_size_nm)


def write_truth(path: Path, truth: FrameTruth) -> None:
    """Write one row per column of atoms that is in the frame, as CSV."""
    seen = truth.visible()
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(["y_px", "x_px", *COLUMNS])
        table = [getattr(seen.sample, name) for name in COLUMNS]
        for row in range(len(seen)):
            values = [column[row] for column in table]
            out.writerow(
                [f"{seen.y_px[row]:.4f}", f"{seen.x_px[row]:.4f}"]
                + [_text(name, value) for name, value in zip(COLUMNS, values, strict=True)]
            )


def _text(name: str, value: object) -> str:
    if name == "tag":
        return Tag(int(str(value))).name.lower()
    return f"{value:.5f}" if isinstance(value, np.floating) else str(value)
