"""A progress bar on a terminal, nothing elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from paretoscope.contract import Progress as Report


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[Report], None] | None]:
    """Yield what to call with each report, or None where standard error is no terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[detail]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console, transient=True) as bar:
        task = bar.add_task(name, total=1.0, detail="")

        def report(document: Report) -> None:
            bar.update(task, completed=document.fraction, detail=f"{document.stage} {document.detail}")

        yield report
