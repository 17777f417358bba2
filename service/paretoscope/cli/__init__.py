"""The command line: the only place that picks adapters."""

from __future__ import annotations


def main() -> None:
    raise SystemExit("paretoscope: no commands yet")
