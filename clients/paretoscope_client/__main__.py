"""``python -m paretoscope_client spectra --host H --to tcp://...``: frames from the microscope."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from paretoscope.errors import BadParameters, ParetoscopeError
from paretoscope_client.receipt import Receipt
from paretoscope_client.sender import DEFAULT_URL, FrameSender
from paretoscope_client.source import SpectraSource
from paretoscope_client.spectra import ScanRequest, Spectra
from paretoscope_client.vendor import DEFAULT_PORT, REAL_CLIENT, client_factory


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="python -m paretoscope_client")
    commands = top.add_subparsers(dest="command", required=True)
    spectra = commands.add_parser("spectra", help="scan on a Spectra 300 and send every frame")
    spectra.add_argument("--host", default="localhost", help="the microscope server (default: %(default)s)")
    spectra.add_argument("--port", type=int, default=DEFAULT_PORT, help="its port (default: %(default)s)")
    spectra.add_argument(
        "--to",
        default=os.environ.get("PARETOSCOPE_FRAMES", DEFAULT_URL),
        help="where frames are taken (default: %(default)s)",
    )
    spectra.add_argument("--stream", default="spectra", help="name of the stream (default: %(default)s)")
    spectra.add_argument("--detector", default="HAADF", help="(default: %(default)s)")
    spectra.add_argument("--size", type=int, default=512, help="pixels a side (default: %(default)s)")
    spectra.add_argument("--dwell-us", type=float, default=5.0, help="(default: %(default)s)")
    spectra.add_argument(
        "--current-pa", type=float, help="beam current as measured on the screen, for the dose"
    )
    spectra.add_argument("--insert", action="store_true", help="insert the detector where it is not in")
    spectra.add_argument("--frames", type=int, help="stop after so many (default: when interrupted)")
    spectra.add_argument("--zone", default="UTC", help="of times that lack one, as 'Europe/Berlin'")
    spectra.add_argument("--client", default=REAL_CLIENT, help="'module:Class' (default: %(default)s)")
    spectra.add_argument("--key", type=Path, help="our .key_secret file, for a bridge on another machine")
    spectra.add_argument("--bridge-key", type=Path, help="the bridge's .key file")
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 when done or interrupted, 2 with one line on stderr for anything that cannot work."""
    given = parser().parse_args(arguments)
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    try:
        return spectra(given, stop)
    except ParetoscopeError as error:
        print(error.hint, file=sys.stderr)
    except ZoneInfoNotFoundError:
        print(f"There is no time zone {given.zone!r}; write it as 'Europe/Berlin' or 'UTC'.", file=sys.stderr)
    return 2


def spectra(given: argparse.Namespace, stop: threading.Event) -> int:
    zone = ZoneInfo(given.zone)
    if (given.key is None) != (given.bridge_key is None):
        raise BadParameters("keys-needed", hint="Give both --key and --bridge-key, or neither.")
    keys = None if given.key is None else (given.key, given.bridge_key)
    request = ScanRequest(given.detector, given.size, given.dwell_us, given.insert)
    microscope = Spectra(given.host, given.port, factory=client_factory(given.client), zone=zone)
    sender = FrameSender(given.to, given.stream, keys=keys)
    try:
        instrument = microscope.connect()
        print(f"{instrument.label or 'microscope'} at {given.host}:{given.port} -> {given.to}", flush=True)
        source = SpectraSource(
            microscope,
            sender,
            request,
            current_pa=given.current_pa,
            on_frame=_print_frame,
            on_error=lambda e: print(e, file=sys.stderr),
        )
        source.run(stop, given.frames)
        sender.end()
    finally:
        microscope.disconnect()
        sender.close()
        lost = {
            name: count for name, count in sender.counters.items() if name.startswith(("dropped", "refused"))
        }
        if lost:
            print(f"not delivered: {lost}", file=sys.stderr)
    return 0


def _print_frame(receipt: Receipt, fields: dict[str, Any]) -> None:
    told = [
        f"{fields['detector']}" if "detector" in fields else "",
        f"{fields.get('frame_time_s', 0.0):.2f} s",
    ]
    print(receipt.frame_id, *filter(None, told), flush=True)


if __name__ == "__main__":
    sys.exit(main())
