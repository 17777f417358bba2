"""``paretoscope-sim run``."""

from __future__ import annotations

import signal
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from paretoscope_sim.cli import options as shared


def command(
    sample: Annotated[
        str | None, typer.Option("--sample", help="Name of a sample (graphene if nothing is given).")
    ] = None,
    replay: Annotated[
        str | None, typer.Option("--replay", help="A file, folder or 'pattern*' of real images instead.")
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Play the recording again and again.")] = False,
    pixel_size_nm: Annotated[
        float | None, typer.Option("--pixel-size-nm", help="For recordings that do not tell.")
    ] = None,
    to: Annotated[
        str, typer.Option("--to", envvar="PARETOSCOPE_FRAMES", help="Where frames are taken.")
    ] = "tcp://127.0.0.1:5555",
    stream: Annotated[str, typer.Option("--stream", help="Name of the stream.")] = "simulated",
    frames: Annotated[
        int | None, typer.Option("--frames", min=1, help="Stop after so many (otherwise when interrupted).")
    ] = None,
    size: shared.Size = 512,
    dwell_us: shared.DwellUs = 32.0,
    field_nm: shared.FieldNm = None,
    current_pa: shared.CurrentPa = 30.0,
    speed: Annotated[
        float, typer.Option("--speed", help="So many times faster than the instrument; 'inf' never waits.")
    ] = 1.0,
    rows: Annotated[
        int | None,
        typer.Option("--rows", min=1, help="Send blocks of so many rows while the scan still runs."),
    ] = None,
    seed: shared.Seed = 0,
    damage: shared.DamagePerFrame = 0.0,
    drift_nm_per_s: shared.DriftNmPerS = None,
    option: shared.Options = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="What goes wrong, and when; see `faults`.")
    ] = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Folder for the truth of each frame, as CSV.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option("--key", help="Our .key_secret file, for a bridge with keys.")
    ] = None,
    bridge_key: Annotated[Path | None, typer.Option("--bridge-key", help="The bridge's .key file.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only errors.")] = False,
) -> None:
    """Take frames and send them to the service, at the instrument's own pace.

    \b
    paretoscope-sim run                                       graphene, 9.2 s a frame, until interrupted
    paretoscope-sim run --sample BiFeO3 --frames 5 --speed 20
    paretoscope-sim run --sample graphene --damage 0.002 --truth truth/
    paretoscope-sim run --rows 32                             rows as they are scanned, the map sooner
    paretoscope-sim run --replay 'images/*.npy' --loop --speed inf
    paretoscope-sim run --fault no-metadata@3 --fault disconnect@every10
    """
    from paretoscope.errors import BadParameters
    from paretoscope_sim.clock import Clock
    from paretoscope_sim.session import Session, run
    from paretoscope_sim.vendor import FaultPlan, SimulatedInstrument

    if sample is not None and replay is not None:
        raise BadParameters("either-or", hint="Give --sample or --replay, not both.")
    if (key is None) != (bridge_key is None):
        raise BadParameters("keys-needed", hint="Give both --key and --bridge-key, or neither.")
    if not speed > 0:
        raise BadParameters("bad-speed", hint=f"--speed {speed} is not above 0.")
    if truth is not None:
        truth.mkdir(parents=True, exist_ok=True)
    source: Any
    width_nm = field_nm or 1.0
    if replay is not None:
        from paretoscope_sim.replay import ReplaySource, find_files

        source = ReplaySource(find_files(replay), loop=loop, pixel_size_nm=pixel_size_nm)
    else:
        from paretoscope_sim.sources import SampleSource

        name = sample or "graphene"
        scan = shared.scan_for(name, size, dwell_us, field_nm, current_pa, damage, drift_nm_per_s)
        width_nm = scan.field_of_view_nm
        source = SampleSource.named(name, scan, seed, **shared.sample_options(option))
    stop = threading.Event()
    # Waiting on the event, not sleeping: an interrupt need not wait for the end of a scan.
    clock = Clock(speed, sleep=partial(_wait, stop))
    instrument = SimulatedInstrument(
        source, clock, FaultPlan.of(fault or [], seed), field_of_view_m=width_nm * 1e-9
    )
    session = Session(
        to,
        stream,
        frames,
        size,
        dwell_us,
        current_pa=current_pa if replay is None else None,
        keys=None if key is None or bridge_key is None else (key, bridge_key),
        rows=rows,
        truth_folder=truth,
    )
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    start = f"{replay or sample or 'graphene'} -> {to}; stop with Ctrl-C"
    outcome = run(
        instrument,
        session,
        stop,
        on_start=lambda: None if quiet else typer.echo(start),
        on_frame=lambda frame_id, fields: None if quiet else typer.echo(_line(frame_id, fields)),
        on_error=lambda error: typer.echo(f"{error.code}: {error.hint}", err=True),
    )
    if not quiet:
        typer.echo(f"{outcome.taken} frames taken, {outcome.counters.get('acknowledged', 0)} acknowledged")
    if outcome.lost and not stop.is_set():
        typer.echo(f"error: {outcome.lost} frames were not delivered to {to}; is the service up?", err=True)
        sys.exit(1)


def _wait(stop: threading.Event, seconds: float) -> None:
    stop.wait(seconds)


def _line(frame_id: str, fields: dict[str, Any]) -> str:
    size = fields.get("pixel_size_nm")
    step = f"{size[1] * 1e3:.2f} pm a pixel" if size else "pixel size unknown"
    return f"{frame_id}  {fields.get('frame_time_s', 0.0):.2f} s  {step}"
