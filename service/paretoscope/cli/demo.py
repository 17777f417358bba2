"""``paretoscope demo``: a simulated microscope, the service and its page, in one command."""

from __future__ import annotations

import json
import socket
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paretoscope.cli import options

if TYPE_CHECKING:
    from paretoscope.cli.service import Service
    from paretoscope.contract.instruments import InstrumentWish
    from paretoscope.settings import Settings

CLOSING = ("result", "fault", "drop")
INSTRUMENT_GRACE_S = 60.0
"""How long after the instrument's end the last results may take, s."""
FASTEST = 10_000.0
"""An instrument that never waits; beyond it nothing gets faster."""


def command(
    frames: Annotated[int | None, typer.Option("--frames", min=1, help="Stop after so many frames.")] = None,
    sample: Annotated[
        str | None, typer.Option("--sample", help="Sample of the simulated instrument, e.g. SrTiO3.")
    ] = None,
    replay: Annotated[
        Path | None,
        typer.Option("--replay", help="Real images, a file or folder, sent again and again."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a frame.")] = False,
    speed: Annotated[
        float | None, typer.Option("--speed", min=0.0, help="So many times faster than the real instrument.")
    ] = None,
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=1, help="Send blocks of so many rows while the scan still runs."),
    ] = None,
    port: options.Port = None,
    frames_at: options.Frames = None,
    data: options.Data = None,
    device: options.Device = None,
    config: options.Config = None,
) -> None:
    """Run everything on a simulated instrument: prints the page's address, then one line a frame."""
    from paretoscope.adapters import logs
    from paretoscope.cli.service import Service
    from paretoscope.errors import BadFile
    from paretoscope.settings import load

    if replay is not None and not replay.exists():
        raise BadFile("no-such-file", hint=f"There is no file or folder {replay} to replay.")
    if port == 0 and frames_at is None:
        frames_at = "tcp://127.0.0.1:0"  # Whoever takes any free port takes it for frames as well.
    if sample is not None:
        from paretoscope_sim.samples import recipe

        sample = recipe(sample).name  # A misspelt name is told before anything is started.
    with ExitStack() as stack:
        if data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paretoscope-demo-")))
        settings = _on_free_ports(
            load(config, data=data, http_port=port, frames=frames_at, device=device, log_level="warning")
        )
        settings = _with_recordings(settings, replay)
        logs.configure(settings.log_level, settings.log_json)
        stop = options.stop_on_signals()
        service = stack.enter_context(Service(settings))
        typer.echo(f"dashboard  {service.url}/", err=as_json)
        _wait_until_ready(service, stop)
        if not stop.is_set():
            wish = _wish(service, frames, sample, replay, speed, rows)
            _follow(service, wish, frames, as_json, stop)


def _with_recordings(settings: Settings, replay: Path | None) -> Settings:
    """The demo runs its instrument itself, and replays what its caller names."""
    update: dict[str, object] = {"enabled": True}
    if replay is not None:
        update["replay_folder"] = replay if replay.is_dir() else replay.parent
    return settings.model_copy(update={"instruments": settings.instruments.model_copy(update=update)})


def _on_free_ports(settings: Settings) -> Settings:
    """Ports that nobody asked for give way when they are taken: the demo brings its own instrument."""
    update: dict[str, object] = {}
    if "http_port" not in settings.model_fields_set and _taken(settings.http_host, settings.http_port):
        update["http_port"] = 0
    host, _, port = settings.frames.removeprefix("tcp://").rpartition(":")
    if "frames" not in settings.model_fields_set and _taken(host, int(port)):
        update["frames"] = f"tcp://{host}:0"
    if update:
        typer.echo(f"{' and '.join(update)}: taken by another program, so any free port is used", err=True)
    return settings.model_copy(update=update)


def _taken(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def _wait_until_ready(service: Service, stop: threading.Event) -> None:
    """The kernels are warm before the first frame comes: never inside a deadline."""
    while not service.ready() and not stop.wait(0.1):
        service.check()


def _wish(
    service: Service,
    frames: int | None,
    sample: str | None,
    replay: Path | None,
    speed: float | None,
    rows: int | None,
) -> InstrumentWish:
    """Ask for the instrument as the page would: it can be paused, stopped and set from there."""
    name = "simulator" if replay is None else "replay"
    file = replay.name if replay is not None and replay.is_file() else None
    given: dict[str, Any] = {"stream": "simulated", "frames": frames, "sample": sample, "file": file}
    given["rows_per_block"] = rows
    if speed is not None:
        given["speed"] = min(speed, FASTEST)
    settings = {setting: value for setting, value in given.items() if value is not None}
    return service.store.wish_instrument(name, "running", settings, by="demo")


def _follow(
    service: Service, wish: InstrumentWish, frames: int | None, as_json: bool, stop: threading.Event
) -> None:
    """Print each frame as it is closed, until `frames` of them are or the instrument has taken them all."""
    from paretoscope.cli import lines
    from paretoscope.cli.service import ServiceFailed
    from paretoscope.errors import StoreDown

    after, done, ended_s = service.store.last_event_id(), 0, 0.0
    while not stop.is_set() and (frames is None or done < frames):
        service.check()
        try:
            events = service.store.read_events(after, block_s=0.5)
            for event_id, event in events:
                after = event_id
                if event.kind in CLOSING and event.frame_id is not None:
                    told = lines.summary(service.store, event)
                    typer.echo(json.dumps(told) if as_json else lines.line(told))
                    done += 1
            ours = [one for one in service.store.instruments() if one.revision == wish.revision]
            queued = any(one.queued for one in service.store.streams())
        except StoreDown:
            stop.wait(0.2)  # It is started again; the log of events is where it was.
            continue
        for one in ours:  # Once somebody else has set it at the page, how it stands is theirs to see.
            if one.state in ("failed", "unavailable"):
                raise ServiceFailed(hint=f"{one.title}: {one.reason}")
            if one.state == "stopped" and frames is not None and not events:
                if not queued:
                    return
                ended_s += 0.5
                if ended_s > INSTRUMENT_GRACE_S:
                    raise ServiceFailed(hint="The last frames were not worked; run `paretoscope doctor`.")
