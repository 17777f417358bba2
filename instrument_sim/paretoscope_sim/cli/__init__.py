"""The command line ``paretoscope-sim``; says which extra is missing where one is."""

from __future__ import annotations

import sys


def main(arguments: list[str] | None = None) -> None:
    """Run a command; always ends with SystemExit."""
    try:
        from paretoscope_sim.cli import app
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("paretoscope"):
            raise
        missing = (error.name or "a package").partition(".")[0]
        print(f"error: {missing} is not installed: pip install 'paretoscope[sim]'.", file=sys.stderr)
        sys.exit(2)
    app.main(arguments)
