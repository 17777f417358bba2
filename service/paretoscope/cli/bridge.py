"""``paretoscope bridge``: takes frames for a store that already runs."""

from __future__ import annotations

import typer

from paretoscope.cli import options


def command(
    config: options.Config = None, data: options.Data = None, frames_at: options.Frames = None
) -> None:
    """Take frames over ZeroMQ into a running store (REDIS_URL, or that of `serve`), until Ctrl-C."""
    from paretoscope.adapters import logs
    from paretoscope.adapters.store.launch import attach
    from paretoscope.bridge import Bridge
    from paretoscope.settings import load

    settings = load(config, data=data, frames=frames_at)
    logs.configure(settings.log_level, settings.log_json)
    stop = options.stop_on_signals()
    with attach(settings) as store:
        bridge = Bridge(store, settings)
        typer.echo(f"frames at  {bridge.bind()}")
        bridge.run(stop)
