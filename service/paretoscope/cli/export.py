"""``paretoscope export``: stored results as files that other programs read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paretoscope.cli import options
from paretoscope.errors import BadParameters, NotFound, ParetoscopeError

if TYPE_CHECKING:
    from paretoscope.adapters.exporters.record import Record
    from paretoscope.adapters.store import Store

Frames = Annotated[list[str] | None, typer.Argument(metavar="FRAME_ID...", help="Ids of frames.")]
Stream = Annotated[str | None, typer.Option("--stream", help="Also this stream's newest results.")]
Last = Annotated[int, typer.Option("--last", min=1, help="How many of the stream's results.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the files; it is made.")]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format", help="csv (default), arrow, parquet, npy, napari, hdf5 or json; may be repeated."
    ),
]
Figures = Annotated[bool, typer.Option(help="Draw the figures (PNG).")]
Image = Annotated[bool, typer.Option("--image", help="Also the image, as TIFF (and npy with --format npy).")]


def command(
    out: Out,
    frames: Frames = None,
    stream: Stream = None,
    last: Last = 1,
    formats: Formats = None,
    figures: Figures = True,
    image: Image = False,
    config: options.Config = None,
    data: options.Data = None,
) -> None:
    """Write stored results of a running service to files: atoms, summary, figures, image."""
    from paretoscope.adapters.store.launch import attach
    from paretoscope.settings import load

    chosen = _formats(formats)
    settings = load(config, data=data)
    if not frames and stream is None:
        raise BadParameters(hint="Name the frames to export, or --stream NAME for its newest result.")
    failed = 0
    with attach(settings) as store:
        wanted = [*(frames or []), *(_newest(store, stream, last) if stream else [])]
        options.make_folder(out)
        for frame_id in dict[str, None].fromkeys(wanted):
            try:
                count = sum(1 for _ in _one(store, frame_id, out, chosen, figures, image))
            except ParetoscopeError as error:
                failed += 1
                options.complain(f"{error.hint} [{error.code}]")
            except OSError as error:
                raise BadParameters(
                    "out-not-written", hint=f"--out {out} cannot be written: {error.strerror or error}."
                ) from error
            else:
                typer.echo(f"wrote {count} files: {out / frame_id}*")
    if failed:
        raise typer.Exit(2)


def _one(
    store: Store, frame_id: str, out: Path, formats: list[str], figures: bool, image: bool
) -> Iterator[Path]:
    from paretoscope.adapters.exporters.formats import write_record
    from paretoscope.adapters.exporters.record import read_record

    record = read_record(store, frame_id)
    yield from write_record(out, record, formats, image)
    if figures:
        yield from _draw(out, record)


def _draw(out: Path, record: Record) -> list[Path]:
    """The numerics are imported only here: without figures an export needs neither torch nor matplotlib."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise BadParameters(
            "not-installed",
            hint="Figures need matplotlib: pip install 'paretoscope[viz]', or give --no-figures.",
        ) from None
    from paretoscope.cli.frame_figures import write_figures

    frame_id = record.header.frame_id
    return write_figures(
        out, frame_id, record.image, record.atoms, record.front, record.classes, record.windows, frame_id
    )


def _formats(given: list[str] | None) -> list[str]:
    from paretoscope.adapters.exporters.formats import FORMATS

    for name in given or []:
        if name not in FORMATS:
            raise BadParameters(hint=f"--format is one of {', '.join(FORMATS)}, not {name}.")
    return given or ["csv"]


def _newest(store: Store, stream: str, last: int) -> list[str]:
    """The stream's newest results, oldest first. Raises NotFound where there is none."""
    found = store.finished(stream, last)
    if found:
        return found[::-1]
    known = [one.stream for one in store.streams()]
    if stream in known:
        raise NotFound("no-result", hint=f"Stream {stream} has no finished result yet.")
    there = f"there are {', '.join(known)}" if known else "the store holds none"
    raise NotFound("no-such-stream", hint=f"There is no stream {stream}; {there}.")
