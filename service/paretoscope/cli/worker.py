"""``paretoscope worker``: more hands for a store that already runs."""

from __future__ import annotations

from paretoscope.cli import options


def command(
    config: options.Config = None,
    data: options.Data = None,
    device: options.Device = None,
    workers: options.Workers = 1,
) -> None:
    """Work frames of a running store (REDIS_URL, or that of `serve` on the same data folder)."""
    from paretoscope.adapters import logs
    from paretoscope.adapters.store.launch import attach
    from paretoscope.cli.service import ServiceFailed
    from paretoscope.settings import load
    from paretoscope.worker.supervisor import Supervisor

    settings = load(config, data=data, device=device)
    logs.configure(settings.log_level, settings.log_json)
    attach(settings).close()
    stop = options.stop_on_signals()
    with Supervisor(settings, workers=max(1, workers)) as supervisor:
        while not stop.wait(0.5):
            if supervisor.gave_up:
                raise ServiceFailed(hint="The worker cannot start; the log line above says why.")
