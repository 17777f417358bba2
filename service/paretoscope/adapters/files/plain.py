"""npy, npz, png and jpeg: pixels without a microscope's metadata."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from paretoscope.adapters.files.image_file import LEAST_SIDE_PX, ImageSource, as_pixel_size, check_frame_size
from paretoscope.errors import BadFile

_GREY = np.array([0.299, 0.587, 0.114])
"""ITU-R BT.601 luma, as Pillow and ImageJ use it."""


def read_npy(path: Path) -> ImageSource:
    """Map a .npy file; frames are copied out one at a time. Pickled objects are refused."""
    pixels = np.load(path, mmap_mode="r", allow_pickle=False)
    return stack_source(pixels, path)


def read_npz(path: Path) -> ImageSource:
    """Read `image` (else the first 2-D or 3-D array) of a .npz; `sampling` there is taken as angstrom."""
    with zipfile.ZipFile(path) as archive:
        shapes = {name.removesuffix(".npy"): _declared(archive, name) for name in archive.namelist()}
    images = [
        name
        for name, (shape, _) in shapes.items()
        if len(shape) in (2, 3) and min(shape[-2:]) >= LEAST_SIDE_PX
    ]
    if not images:
        raise BadFile(
            "not-an-image", hint=f"{path.name} holds no 2-D array. Save the image under the name 'image'."
        )
    name = "image" if "image" in images else images[0]
    shape, itemsize = shapes[name]
    check_frame_size(shape[-2], shape[-1], itemsize * (shape[0] if len(shape) == 3 else 1), path)
    with np.load(path, allow_pickle=False) as archive:
        pixels = archive[name]
        sampling = np.ravel(archive["sampling"]) if "sampling" in archive.files else np.array([])
    if sampling.size not in (1, 2) or sampling.dtype.kind not in "fiu":
        return stack_source(pixels, path)
    step_nm = as_pixel_size(float(sampling[0]) / 10, float(sampling[-1]) / 10)
    return stack_source(pixels, path, step_nm, ("The pixel size is `sampling`, taken as angstrom.",))


def _declared(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], int]:
    """Shape and item size of an array in a .npz, from its header alone; ((), 0) for anything else."""
    with archive.open(name) as member:
        try:
            major, _ = np.lib.format.read_magic(member)
            read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(member)
        except ValueError:
            return (), 0
    return shape, dtype.itemsize


def read_picture(path: Path) -> ImageSource:
    """Read a png or jpeg; colour becomes grey by luma weights, transparency is ignored."""
    from PIL import Image

    with Image.open(path) as picture:
        columns, rows = picture.size
        check_frame_size(rows, columns, 1, path)
        coloured = picture.mode not in ("1", "L", "I", "F") and not picture.mode.startswith("I;")
        pixels = np.asarray(picture.convert("RGB") if coloured else picture)
    notes: tuple[str, ...] = ()
    if pixels.ndim == 3:
        pixels = to_grey(pixels)
        notes = ("Colour was turned to grey by luma.",)
    if pixels.dtype == np.int32 and pixels.min(initial=0) >= 0 and pixels.max(initial=0) < 2**16:
        pixels = pixels.astype(np.uint16)
    return stack_source(pixels, path, notes=notes)


def to_grey(pixels: np.ndarray) -> np.ndarray:
    """(rows, columns, 2..4) colour -> (rows, columns); integers stay integers when all colours agree."""
    colours = pixels[..., :3] if pixels.shape[-1] >= 3 else pixels[..., :1]
    if all(np.array_equal(colours[..., 0], colours[..., index]) for index in range(1, colours.shape[-1])):
        return np.ascontiguousarray(colours[..., 0])
    return (colours @ _GREY.astype(np.float32)).astype(np.float32)


def stack_source(
    pixels: np.ndarray,
    path: Path,
    pixel_size_nm: tuple[float, float] | None = None,
    notes: tuple[str, ...] = (),
) -> ImageSource:
    """(rows, columns) or (frames, rows, columns), in memory or mapped, as a source."""
    if pixels.ndim == 3 and pixels.shape[-1] in (3, 4) and pixels.shape[0] > 4:
        pixels, notes = to_grey(pixels), (*notes, "Colour was turned to grey by luma.")
    if pixels.ndim not in (2, 3) or 0 in pixels.shape:
        shape = " x ".join(map(str, pixels.shape)) or "a single number"
        hint = f"{path.name} holds {shape}; an image is (rows, columns), a stack (frames, rows, columns)."
        raise BadFile("not-an-image", hint=hint)
    stack = pixels if pixels.ndim == 3 else pixels[None]
    frames, rows, columns = stack.shape
    return ImageSource((frames, rows, columns), lambda index: stack[index], pixel_size_nm, notes=notes)
