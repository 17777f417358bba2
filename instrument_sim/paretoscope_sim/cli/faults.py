"""``paretoscope-sim faults``."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table


def command() -> None:
    """List what can go wrong with the instrument on demand, and how to say when."""
    from paretoscope_sim.vendor.faults import FAULTS

    table = Table(box=None, pad_edge=False, show_header=False)
    for name, text in FAULTS.items():
        table.add_row(name, text)
    console = Console()
    console.print(table)
    console.print(
        "\nWhen:  NAME every frame;  NAME@3,7 those frames, counted from 0;  "
        "NAME@every5 each fifth;  NAME@p0.1 by chance.",
        highlight=False,
    )
