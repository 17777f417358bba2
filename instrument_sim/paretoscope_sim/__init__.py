"""A simulated scanning transmission electron microscope: samples with exact truth, and images of them.

    from paretoscope_sim import Scan, make_sample, render

    sample = make_sample("graphene", field_nm=16.0, seed=1)
    frame = render(sample, Scan(field_of_view_nm=16.0), seed=7)
    frame.image            # (rows, columns) uint16
    frame.truth.y_px       # where each atom was imaged, pixels

A product of its own: numpy and scipy, none of the service's numerics.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paretoscope_sim.imaging import Frame, FrameTruth, Scan, ideal, render
    from paretoscope_sim.samples import Sample, Tag, make_sample, sample_names

__all__ = [
    "Frame", "FrameTruth", "Sample", "Scan", "Tag", "ideal", "make_sample", "render", "sample_names",
]  # fmt: skip

_IN_IMAGING = {"Frame", "FrameTruth", "Scan", "ideal", "render"}


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that the command line can say which extra is missing.
    if name not in __all__:
        raise AttributeError(f"paretoscope_sim has no {name}")
    return getattr(import_module(f"{__name__}.{'imaging' if name in _IN_IMAGING else 'samples'}"), name)
