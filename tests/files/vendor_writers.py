"""Small writers of vendors' formats, for tests: just enough of DM3, Velox EMD and SER to be real files."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np

_DM_TYPES = {"int16": (2, 1), "int32": (3, 7), "uint16": (4, 10), "float32": (6, 2), "float64": (7, 12)}
"""dtype -> (code of an array's elements, code of the image's DataType)."""


def write_dm3(
    path: Path, pixels: np.ndarray, step: float, unit: str, tags: dict[str, Any] | None = None
) -> None:
    """Write (..., rows, columns) as a little-endian Gatan DM3 file; `step` calibrates every axis."""
    scales = [{"Origin": 0.0, "Scale": step, "Units": unit} for _ in pixels.shape]
    image = {
        "ImageData": {
            "Calibrations": {"Brightness": {"Origin": 0.0, "Scale": 1.0, "Units": ""}, "Dimension": scales},
            "Data": pixels,
            "DataType": _DM_TYPES[pixels.dtype.name][1],
            "Dimensions": list(reversed(pixels.shape)),
            "PixelDepth": pixels.itemsize,
        },
        "ImageTags": tags or {},
        "Name": "HAADF",
    }
    body = _dm_group({"ImageList": [image]})
    path.write_bytes(struct.pack(">iii", 3, len(body) + 4, 1) + body + b"\0" * 8)


def _dm_group(tree: dict[str, Any] | list[Any]) -> bytes:
    items = list(tree.items()) if isinstance(tree, dict) else [("", value) for value in tree]
    return struct.pack(">bbi", 0, 0, len(items)) + b"".join(_dm_tag(name, value) for name, value in items)


def _dm_tag(name: str, value: Any) -> bytes:
    label = name.encode()
    if isinstance(value, dict | list):
        return struct.pack(">bh", 20, len(label)) + label + _dm_group(value)
    if isinstance(value, np.ndarray):
        info, data = (
            [20, _DM_TYPES[value.dtype.name][0], value.size],
            value.astype(value.dtype.newbyteorder("<")),
        )
        payload = data.tobytes()
    elif isinstance(value, str):
        info, payload = [20, 4, len(value)], value.encode("utf-16-le")
    elif isinstance(value, float):
        info, payload = [6], struct.pack("<f", value)
    else:
        info, payload = [3], struct.pack("<i", value)
    head = struct.pack(">bh", 21, len(label)) + label + b"%%%%" + struct.pack(">i", len(info))
    return head + struct.pack(f">{len(info)}i", *info) + payload


def write_velox(path: Path, images: dict[str, np.ndarray], step_m: float, dwell_s: float = 2e-6) -> None:
    """Write detector -> (frames, rows, columns) as a Velox EMD file."""
    with h5py.File(path, "w") as file:
        file["Version"] = np.array([json.dumps({"format": "Velox", "version": "10"}).encode()], dtype="S64")
        for index, (detector, frames) in enumerate(images.items()):
            key = f"{index:032x}"
            facts = {
                "BinaryResult": {
                    "PixelSize": {"width": str(step_m), "height": str(step_m)},
                    "Offset": {"x": "0", "y": "0"},
                    "PixelUnitX": "m",
                    "PixelUnitY": "m",
                    "DetectorIndex": str(index),
                },
                "Scan": {"DwellTime": str(dwell_s), "FrameTime": "0.5"},
                "Detectors": {
                    f"Detector-{i}": {"DetectorName": name, "DetectorType": "ScanningDetector"}
                    for i, name in enumerate(images)
                },
                "Instrument": {"InstrumentModel": "Spectra 300", "InstrumentClass": "Titan"},
                "Optics": {},
                "Core": {},
                "Acquisition": {"AcquisitionStartDatetime": {"DateTime": "1700000000"}},
            }
            text = np.zeros((8192, frames.shape[0]), dtype=np.uint8)
            encoded = np.frombuffer(json.dumps(facts).encode(), dtype=np.uint8)
            text[: len(encoded)] = encoded[:, None]
            group = file.create_group(f"Data/Image/{key}")
            group["Metadata"] = text
            stack = np.moveaxis(frames, 0, -1)
            group.create_dataset("Data", data=stack, chunks=(*stack.shape[:2], 1))
            operation = {"dataPath": f"/Data/Image/{key}", "detector": detector}
            name = f"Operations/StemInputOperation/{key}"
            file[name] = np.array([json.dumps(operation).encode()], dtype="S256")


def write_ser(path: Path, pixels: np.ndarray, step_m: float) -> None:
    """Write one (rows, columns) uint16 image as an FEI TIA .ser file."""
    rows, columns = pixels.shape
    dimension = struct.pack("<iddii", 1, 0.0, 1.0, 0, 6) + b"Number" + struct.pack("<i", 0)
    header = struct.pack("<hhhiiiiii", 0x4949, 0x0197, 0x0210, 0x4122, 0x4152, 1, 1, 30 + len(dimension), 1)
    data_at = len(header) + len(dimension) + 8
    axis = struct.pack("<ddi", 0.0, step_m, 0)
    element = axis + axis + struct.pack("<hii", 2, columns, rows) + pixels.astype("<u2").tobytes()
    offsets = struct.pack("<ii", data_at, data_at + len(element))
    path.write_bytes(header + dimension + offsets + element + struct.pack("<hhi", 0x4152, 0, 0))
