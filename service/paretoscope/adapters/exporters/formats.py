"""The formats by name, and a frame's files in them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from paretoscope.adapters.exporters import arrow, csv_text, json_text, napari, nexus, npy, parquet, tiff
from paretoscope.adapters.exporters.numbers import json_bytes
from paretoscope.adapters.exporters.record import Record, summary


@dataclass(frozen=True)
class Format:
    ending: str
    """What the file's name ends with, behind the frame's id."""
    encode: Callable[[Record], bytes]


FORMATS: dict[str, Format] = {
    "csv": Format("-atoms.csv", lambda record: csv_text.encode(record.atoms, record.atoms.columns)),
    "arrow": Format("-atoms.arrow", lambda record: arrow.encode_file(record.atoms, record.atoms.columns)),
    "parquet": Format("-atoms.parquet", lambda record: parquet.encode(record.atoms, record.atoms.columns)),
    "npy": Format("-atoms.npy", lambda record: npy.encode(record.atoms, record.atoms.columns)),
    "napari": Format("-napari.csv", lambda record: napari.encode(record.atoms)),
    "hdf5": Format(".h5", nexus.encode),
    "json": Format("-atoms.json", lambda record: json_text.encode(record.atoms, record.atoms.columns)),
}


def write_record(folder: Path, record: Record, formats: Sequence[str], image: bool = False) -> Iterator[Path]:
    """Write a frame's files, each whole or not at all, and name each one written.

    A summary (JSON) comes with every choice of formats: numbers without their origin are worth little.
    image: the pixels as TIFF; as npy, too, where that is among the formats. Raises OSError.
    """
    stem = record.header.frame_id
    yield write_whole(folder / f"{stem}-summary.json", json_bytes(summary(record)) + b"\n")
    for name in dict.fromkeys(formats):
        chosen = FORMATS[name]
        yield write_whole(folder / f"{stem}{chosen.ending}", chosen.encode(record))
    if image:
        yield write_whole(folder / f"{stem}-image.tif", tiff.encode(record.header, record.image))
        if "npy" in formats:
            yield write_whole(folder / f"{stem}-image.npy", npy.encode_array(record.image))


def write_whole(path: Path, content: bytes) -> Path:
    """A reader sees the old file or the new one, never half of it. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path
