"""``paretoscope-sim samples``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def command() -> None:
    """List the samples, what they are, and their options with defaults."""
    from paretoscope_sim.samples import RECIPES

    table = Table(box=None, pad_edge=False)
    for title in ("sample", "what it is", "field, nm", "--option"):
        table.add_column(title, overflow="fold")
    for recipe in RECIPES.values():
        options = "\n".join(f"{name}={value}" for name, value in recipe.options.items())
        table.add_row(recipe.name, recipe.summary, f"{recipe.default_field_nm:g}", options)
    Console().print(table)
