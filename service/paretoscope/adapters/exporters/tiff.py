"""The image as OME-TIFF: the pixels as they came, with their distances in nm."""

from __future__ import annotations

import io

import numpy as np

from paretoscope.contract import FrameHeader


def encode(header: FrameHeader, image: np.ndarray) -> bytes:
    """image: (rows, columns) of the header's dtype."""
    import tifffile

    metadata: dict[str, object] = {"axes": "YX", "Name": header.frame_id}
    if header.pixel_size_nm is not None:
        for axis, size in zip("YX", header.pixel_size_nm, strict=True):
            metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": "nm"}
    sink = io.BytesIO()
    tifffile.imwrite(sink, image, ome=True, photometric="minisblack", metadata=metadata)
    return sink.getvalue()
