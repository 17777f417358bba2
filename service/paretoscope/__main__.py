"""``python -m paretoscope`` and the ``paretoscope`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Hand over to the command line, or say which extra it needs."""
    try:
        from paretoscope.cli import main as command_line
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("paretoscope"):
            raise
        print(
            f"error: this install holds the clients alone ({missing.name} is missing); the service needs: "
            "pip install 'paretoscope[service,sim,formats,viz]' [missing-extra]",
            file=sys.stderr,
        )
        raise SystemExit(2) from None
    command_line()


if __name__ == "__main__":
    main()
