"""A simulated scanning transmission electron microscope: samples with exact truth, and images of them.

    from paretoscope_sim import Scan, make_sample, render

    sample = make_sample("graphene", field_nm=16.0, seed=1)
    frame = render(sample, Scan(field_of_view_nm=16.0), seed=7)
    frame.image            # (rows, columns) uint16
    frame.truth.y_px       # where each atom was imaged, pixels

A product of its own: numpy and scipy, none of the service's numerics.
"""

from paretoscope_sim.imaging import Frame, FrameTruth, Scan, render
from paretoscope_sim.samples import Sample, Tag, make_sample, sample_names

__all__ = ["Frame", "FrameTruth", "Sample", "Scan", "Tag", "make_sample", "render", "sample_names"]
