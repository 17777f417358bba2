"""Options that several commands share."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from typing import Annotated

import typer

from paretoscope.errors import BadParameters

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


def make_folder(out: Path) -> None:
    """Make the folder of `--out`. Raises BadParameters where it cannot be made or written."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=out):
            pass
    except FileExistsError:
        raise BadParameters(hint=f"--out {out} is a file, not a folder.") from None
    except OSError as error:
        raise BadParameters(hint=f"--out {out} cannot be written: {error.strerror}.") from None


def complain(text: str) -> None:
    """One line on standard error."""
    typer.echo("error: " + " ".join(text.split()), err=True)
