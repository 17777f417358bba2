"""``paretoscope simulate``: the simulated instrument, as ``paretoscope-sim`` is."""

from __future__ import annotations

import sys

import typer

from paretoscope.errors import BadParameters


def command(context: typer.Context) -> None:
    """A simulated instrument that sends frames; see `paretoscope simulate --help`."""
    try:
        from paretoscope_sim.cli import main
    except ImportError as error:
        raise BadParameters(
            "not-installed", hint=f"The simulator is not installed ({error}): pip install 'paretoscope[sim]'."
        ) from None
    sys.argv = ["paretoscope simulate", *context.args]
    main()
