"""``paretoscope serve``: everything, until it is stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from paretoscope.cli import options


def command(
    config: options.Config = None,
    data: options.Data = None,
    port: options.Port = None,
    frames_at: options.Frames = None,
    device: options.Device = None,
    workers: options.Workers = 1,
    bridge: Annotated[bool, typer.Option(help="Take frames over ZeroMQ here.")] = True,
    api: Annotated[bool, typer.Option(help="Serve API and dashboard here.")] = True,
) -> None:
    """Store, bridge, worker, API and dashboard in one go, until Ctrl-C."""
    from paretoscope.adapters import logs
    from paretoscope.cli.service import Service
    from paretoscope.settings import load

    settings = load(config, data=data, http_port=port, frames=frames_at, device=device)
    logs.configure(settings.log_level, settings.log_json)
    stop = options.stop_on_signals()
    with Service(settings, workers=workers, bridge=bridge, api=api) as service:
        if service.url:
            typer.echo(f"dashboard  {service.url}/")
        if service.frames_address:
            typer.echo(f"frames at  {service.frames_address}")
        service.wait(stop)
