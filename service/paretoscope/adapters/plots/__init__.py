"""Figures of one analysed frame, drawn from documents: no global state, no window, no file until `save`."""

from paretoscope.adapters.plots.choices import plot_choices
from paretoscope.adapters.plots.classes import plot_classes
from paretoscope.adapters.plots.front import plot_front
from paretoscope.adapters.plots.overlay import plot_overlay
from paretoscope.adapters.plots.parameters import plot_parameters
from paretoscope.adapters.plots.style import save

__all__ = ["plot_choices", "plot_classes", "plot_front", "plot_overlay", "plot_parameters", "save"]
