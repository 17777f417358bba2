"""The command line: the only place that picks adapters.

Each command is a module with a function `command`; what it needs is imported when it runs, so that
``--help`` is quick. Whatever is wrong with the input is one line on standard error and exit code 2.
"""

from __future__ import annotations

import sys
from importlib import import_module

import typer
from typer.main import get_command

from paretoscope.errors import ParetoscopeError

COMMANDS = ("analyze", "demo", "serve", "worker", "bridge", "simulate", "export", "bench", "keys", "doctor")
PASS_ON = {
    "simulate": {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
    "bench": {"allow_extra_args": True, "ignore_unknown_options": True},
}
"""Commands whose options are another program's."""


def make_app() -> typer.Typer:
    app = typer.Typer(
        name="paretoscope",
        help="Atoms, a Pareto front and classes from a STEM image before the next one is scanned.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )

    @app.callback(invoke_without_command=True)
    def root(
        context: typer.Context,
        version: bool = typer.Option(False, "--version", help="Print the version and leave.", is_eager=True),
    ) -> None:
        if version:
            from paretoscope import __version__

            typer.echo(__version__)
            raise typer.Exit
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    for name in COMMANDS:
        function = import_module(f"paretoscope.cli.{name}").command
        app.command(name, context_settings=PASS_ON.get(name))(function)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run a command; always ends with SystemExit."""
    try:
        code = get_command(make_app()).main(arguments, prog_name="paretoscope", standalone_mode=False)
    except ParetoscopeError as error:
        _complain(f"{error.hint} [{error.code}]")
    except (KeyboardInterrupt, typer.Abort):
        sys.exit(130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        told = getattr(error, "format_message", None)  # typer's own: wrong usage of options
        if told is None:
            raise
        _complain(f"{' '.join(told().split())} See `paretoscope --help`.")
    else:
        sys.exit(code if isinstance(code, int) else 0)


def _complain(line: str) -> None:
    typer.echo(f"error: {line}", err=True)
    sys.exit(2)
