"""`paretoscope analyze FILE...`: atoms, front and classes of images on disk."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from paretoscope.cli.options import complain, make_folder
from paretoscope.contract import SegmentPolicy, StreamPolicy, WindowPolicy
from paretoscope.contract.policy import OptimiserName
from paretoscope.errors import BadParameters, ParetoscopeError

_log = logging.getLogger(__name__)

Files = Annotated[
    list[Path], typer.Argument(metavar="FILE...", help="EMD, DM3/4, SER, TIFF, HDF5, npy, png, jpg.")
]
Lattice = Annotated[
    str | None,
    typer.Option(help="A name (graphene, SrTiO3, ...) or a=..,b=..,gamma=..,basis=..; default: estimated."),
]
PixelSize = Annotated[float | None, typer.Option("--pixel-size-nm", help="Wins over the file's own.")]
Out = Annotated[Path | None, typer.Option(help="Folder for figures (PNG), atoms (CSV) and summary (JSON).")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a file, one a line.")]
Budget = Annotated[float | None, typer.Option("--budget-s", help="Time for each file, seconds.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result where time does not run out.")]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Optimiser = Annotated[str, typer.Option(help=", ".join(get_args(OptimiserName)))]
Windows = Annotated[int, typer.Option(help="Side of the sliding windows, px (32 to 4096).")]
Movie = Annotated[
    bool, typer.Option("--movie", help="Every frame of a stack: tuned on the first, detected on the others.")
]
ClassCount = Annotated[str, typer.Option("--classes", help="1 to 12, or bic to let the data decide.")]
Density = Annotated[
    float | None, typer.Option("--density-per-nm2", help="For disordered samples: atoms per nm^2.")
]
Count = Annotated[int | None, typer.Option(help="For disordered samples: atoms in the image.")]


def command(
    files: Files,
    lattice: Lattice = None,
    pixel_size_nm: PixelSize = None,
    out: Out = None,
    as_json: AsJson = False,
    budget_s: Budget = None,
    seed: Seed = 0,
    device: Device = "auto",
    optimiser: Optimiser = "qnehvi",
    windows: Windows = 128,
    classes: ClassCount = "3",
    density_per_nm2: Density = None,
    count: Count = None,
    movie: Movie = False,
) -> None:
    """Find the atoms in image files, the Pareto front of ways to find them, and their classes."""
    from paretoscope.adapters.threads import thread_environment
    from paretoscope.core.devices import pick_device

    os.environ.update(thread_environment())  # before anything loads torch
    policy = _policy(optimiser, windows, classes, density_per_nm2, count)
    _check(lattice, pixel_size_nm, budget_s)
    device = pick_device(device)
    if out is not None:
        make_folder(out)
    options = {"lattice": lattice, "budget_s": budget_s, "seed": seed, "device": device, "policy": policy}
    names = _names(files)
    failed = 0
    for path in files:
        try:
            _one(path, names[path], pixel_size_nm, out, as_json, movie, options)
        except ParetoscopeError as error:
            failed += 1
            complain(f"{path}: {error.hint} [{error.code}]")
        except Exception as error:  # a defect met in one file must not take the others with it
            failed += 1
            _log.debug("analysing %s failed", path, exc_info=True)
            complain(f"{path}: a defect, please report it ({type(error).__name__}: {error})")
    if failed:
        raise typer.Exit(2)


def _one(
    path: Path,
    name: str,
    pixel_size_nm: float | None,
    out: Path | None,
    as_json: bool,
    movie: bool,
    options: dict[str, Any],
) -> None:
    """Read, analyse, tell, draw."""
    from dataclasses import replace

    from paretoscope.adapters.files import read_image
    from paretoscope.analysis import analyze
    from paretoscope.cli import analyze_report
    from paretoscope.cli.analyze_progress import progress_bar

    file = read_image(path)
    if pixel_size_nm is not None:
        file = replace(file, pixel_size_nm=(pixel_size_nm, pixel_size_nm))
    if movie:
        from paretoscope.cli import analyze_movie

        analyze_movie.run(file, out, name, as_json, options)
        return
    if file.frame_count > 1:
        note = f"The first of {file.frame_count} frames was analysed; --movie takes them all."
        file = replace(file, notes=(*file.notes, note))
    with progress_bar(path.name) as report:
        analysis = analyze(file.image, file.pixel_size_nm, progress=report, **options)
    facts = analyze_report.summary(file, analysis, str(options["device"]))
    if as_json:
        print(json.dumps(facts, allow_nan=False), flush=True)
    else:
        from rich.console import Console

        Console().print(analyze_report.table(file, analysis), "")
    if out is not None:
        from paretoscope.cli.analyze_figures import write_all

        written = write_all(out, name, file, analysis, facts)
        if not as_json:
            print(f"wrote {len(written)} files: {out / name}-*", flush=True)


def _policy(
    optimiser: str, windows: int, classes: str, density_per_nm2: float | None, count: int | None
) -> StreamPolicy:
    if optimiser not in get_args(OptimiserName):
        hint = f"--optimiser is one of {', '.join(get_args(OptimiserName))}, not {optimiser}."
        raise BadParameters(hint=hint)
    if classes != "bic" and not (classes.isdigit() and 1 <= int(classes) <= 12):
        raise BadParameters(hint=f"--classes is a number from 1 to 12, or bic, not {classes}.")
    if not 32 <= windows <= 4096:
        raise BadParameters(hint=f"--windows is a side of 32 to 4096 px, not {windows}.")
    for name, value in (("--density-per-nm2", density_per_nm2), ("--count", count)):
        if value is not None and not 0 < value < 1e9:
            raise BadParameters(hint=f"{name} must be positive, not {value}.")
    return StreamPolicy(
        optimiser=optimiser,  # type: ignore[arg-type]
        windows=WindowPolicy(size_px=windows),
        segment=SegmentPolicy(classes="bic" if classes == "bic" else int(classes)),
        density_per_nm2=density_per_nm2,
        count=count,
    )


def _check(lattice: str | None, pixel_size_nm: float | None, budget_s: float | None) -> None:
    """Say what is wrong with the options once, not once a file."""
    if lattice is not None:
        from paretoscope.core.lattice import Lattice as Cell

        Cell.parse(lattice)
    for name, value in (("--pixel-size-nm", pixel_size_nm), ("--budget-s", budget_s)):
        if value is not None and not 0 < value < 1e6:
            raise BadParameters(hint=f"{name} must be positive, not {value}.")


def _names(files: list[Path]) -> dict[Path, str]:
    """A file name stem for each path's results, unlike all the others'."""
    names: dict[Path, str] = {}
    for path in files:
        name, number = path.stem, 2
        while name in names.values():
            name, number = f"{path.stem}-{number}", number + 1
        names.setdefault(path, name)
    return names
