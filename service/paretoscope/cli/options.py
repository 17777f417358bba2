"""Options that several commands share."""

from __future__ import annotations

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

Config = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings (or PARETOSCOPE_CONFIG).")
]
Data = Annotated[
    Path | None, typer.Option("--data", help="Folder of the embedded store (or PARETOSCOPE_DATA).")
]
Device = Annotated[
    str | None, typer.Option("--device", help="auto, cpu, cuda or cuda:N (or PARETOSCOPE_DEVICE).")
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port", min=0, max=65535, help="Port of API and page; 0 = any free one (or PARETOSCOPE_HTTP_PORT)."
    ),
]
Frames = Annotated[
    str | None, typer.Option("--frames-at", help="ZeroMQ address for frames (or PARETOSCOPE_FRAMES).")
]
Workers = Annotated[int, typer.Option("--workers", min=0, max=64, help="How many worker processes.")]


def stop_on_signals() -> threading.Event:
    """An event that Ctrl-C and SIGTERM set; a second Ctrl-C ends at once."""
    stop = threading.Event()

    def told(number: int, _: object) -> None:
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGTERM, told)
    signal.signal(signal.SIGINT, told)
    return stop
