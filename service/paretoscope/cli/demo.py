"""``paretoscope demo``: a simulated microscope, the service and its page, in one command."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from paretoscope.cli import options

if TYPE_CHECKING:
    from paretoscope.cli.service import Service
    from paretoscope.settings import Settings

CLOSING = ("result", "fault", "drop")
INSTRUMENT_GRACE_S = 60.0
"""How long after the instrument's end the last results may take, s."""


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

        recipe(sample)  # A misspelt name is told before anything is started.
    with ExitStack() as stack:
        if data is None:
            data = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paretoscope-demo-")))
        settings = _on_free_ports(
            load(config, data=data, http_port=port, frames=frames_at, device=device, log_level="warning")
        )
        logs.configure(settings.log_level, settings.log_json)
        stop = options.stop_on_signals()
        service = stack.enter_context(Service(settings))
        typer.echo(f"dashboard  {service.url}/", err=as_json)
        _wait_until_ready(service, stop)
        if not stop.is_set():
            instrument = stack.enter_context(
                _instrument(
                    service.frames_address,
                    {
                        "--frames": frames,
                        "--sample": sample,
                        "--replay": replay,
                        "--speed": speed,
                        "--rows": rows,
                    },
                )
            )
            _follow(service, instrument, frames, as_json, stop)


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


@contextmanager
def _instrument(address: str, given: dict[str, object]) -> Iterator[subprocess.Popen[bytes]]:
    """The simulated instrument as a process that ends with this one."""
    from paretoscope.adapters.tethered import tethered_command

    options_given = [
        text for name, value in given.items() if value is not None for text in (name, str(value))
    ]
    if given["--replay"] is not None:
        options_given.append("--loop")
    command_line = [sys.executable, "-m", "paretoscope_sim", "--to", address, "--quiet", *options_given]
    process = subprocess.Popen(
        tethered_command(command_line), stdin=subprocess.DEVNULL, stdout=sys.stderr, start_new_session=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _follow(
    service: Service,
    instrument: subprocess.Popen[bytes],
    frames: int | None,
    as_json: bool,
    stop: threading.Event,
) -> None:
    """Print each frame as it is closed, until `frames` of them are or the instrument has ended."""
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
        except StoreDown:
            stop.wait(0.2)  # It is started again; the log of events is where it was.
            continue
        if instrument.poll() not in (None, 0):
            raise ServiceFailed(
                hint="The simulated instrument ended with an error; its message stands above."
            )
        if instrument.poll() == 0 and not events:
            if not any(one.queued for one in service.store.streams()):
                return
            ended_s += 0.5
            if ended_s > INSTRUMENT_GRACE_S:
                raise ServiceFailed(hint="The last frames were not worked; run `paretoscope doctor`.")
