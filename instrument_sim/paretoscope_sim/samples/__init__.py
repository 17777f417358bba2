"""Samples with exact truth, by name."""

from paretoscope_sim.samples import (
    amorphous,
    bismuth_ferrite,
    graphene,
    molybdenum_disulphide,
    single_atoms,
    strontium_titanate,
)
from paretoscope_sim.samples.registry import RECIPES, Recipe, make_sample, recipe, sample, sample_names
from paretoscope_sim.samples.truth import COLUMNS, Sample, Tag

__all__ = [
    "COLUMNS",
    "RECIPES",
    "Recipe",
    "Sample",
    "Tag",
    "amorphous",
    "bismuth_ferrite",
    "graphene",
    "make_sample",
    "molybdenum_disulphide",
    "recipe",
    "sample",
    "sample_names",
    "single_atoms",
    "strontium_titanate",
]
