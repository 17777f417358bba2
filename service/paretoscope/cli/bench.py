"""``paretoscope bench``: the side-by-side measurements that `docs/performance.md` quotes."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path
from typing import Annotated

import typer

from paretoscope.errors import BadParameters


def folder() -> Path:
    """Where the benchmark scripts are: in the source tree, not in the wheel."""
    for place in (Path(__file__).resolve().parents[3] / "benchmarks", Path.cwd() / "benchmarks"):
        if place.is_dir():
            return place
    raise BadParameters(
        "no-benchmarks",
        hint="The benchmarks come with the source tree: run this in a checkout of the project.",
    )


def names() -> list[str]:
    return sorted(script.stem for script in folder().glob("*.py") if not script.stem.startswith("_"))


def command(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="Which one, 'all', or 'list' to see what there is.")] = "list",
    json: Annotated[Path | None, typer.Option("--json", help="Also write the rows to this file.")] = None,
) -> None:
    """Run a benchmark: medians and ratios, side by side with the peer in one run.

    Other options are its script's own: `paretoscope bench tuning --full`.
    """
    from paretoscope.adapters.threads import thread_environment

    os.environ.update(thread_environment())  # as a worker runs
    known = names()
    if name == "list":
        for one in known:
            first = (folder() / f"{one}.py").read_text().split('"""')[1].strip().splitlines()[0]
            typer.echo(f"{one:12} {first}")
        return
    if name not in [*known, "all"]:
        raise BadParameters(
            "unknown-benchmark", hint=f"There is no benchmark {name!r}; there are {', '.join(known)}."
        )
    for one in known if name == "all" else [name]:
        typer.echo(f"## {one}")
        target = json if json is None or name != "all" else json.with_stem(f"{json.stem}-{one}")
        given, sys.argv = (
            sys.argv,
            [
                f"{one}.py",
                *(["--json", str(target)] if target else []),
                *(context.args if name != "all" else []),
            ],
        )
        try:
            runpy.run_path(str(folder() / f"{one}.py"), run_name="__main__")
        finally:
            sys.argv = given
