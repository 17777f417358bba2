"""The commands of ``paretoscope-sim``.

Whatever is wrong with the input is one line on standard error and exit code 2.
"""

from __future__ import annotations

import sys

import typer
from typer.main import get_command

from paretoscope.errors import ParetoscopeError
from paretoscope_sim.cli import faults, render, run, samples

HELP = """A simulated scanning transmission electron microscope.

It images samples whose every atom is known, or plays real files, through a stand-in of the microscope
vendor's client, and sends the frames to Paretoscope as the real instrument would.

\b
paretoscope-sim samples                                    what can be imaged
paretoscope-sim render graphene --out g.png --truth g.csv  one image and the truth about it
paretoscope-sim run --sample MoS2 --speed 10               frames to the service, ten times faster
paretoscope-sim run --replay movie.tif --loop              a recorded movie, again and again
paretoscope-sim run --fault stale-frame@every5             with something going wrong
paretoscope-sim faults                                     what can go wrong

Without a command name the options are those of run."""


def make_app() -> typer.Typer:
    app = typer.Typer(
        name="paretoscope-sim",
        help=HELP,
        add_completion=False,
        rich_markup_mode=None,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )
    for name, module in {"samples": samples, "render": render, "run": run, "faults": faults}.items():
        app.command(name)(module.command)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run a command; always ends with SystemExit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given and given[0].startswith("--") and given[0] != "--help":
        given.insert(0, "run")
    try:
        code = get_command(make_app()).main(given, prog_name="paretoscope-sim", standalone_mode=False)
    except ParetoscopeError as error:
        _complain(f"{error.hint} [{error.code}]")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        _complain(f"{error.filename or ''} {error.strerror or error}".strip())
    except Exception as error:
        told = getattr(error, "format_message", None)  # typer's own: wrong usage of options
        if told is None:
            raise
        message = " ".join(told().split())
        if not message:  # called without a command: its help has been printed
            sys.exit(2)
        _complain(f"{message} See `paretoscope-sim --help`.")
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _complain(line: str) -> None:
    typer.echo(f"error: {line}", err=True)
    sys.exit(2)
