"""Visit every silicon dopant of a graphene sheet with the beam, frame after frame.

    python examples/visit_dopants.py --client paretoscope_sim.vendor:TemMicroscopeClient --allow simulated

Each round scans a frame, waits for its result, and lets the beam wait on each dopant in turn. A dopant is
told by its response: an atom scatters as Z^1.7, so that silicon stands out of carbon 4.2 times, and the limit
is half way between the two (geometrically). --class asks for a class that the operator named as well.
Exit codes: 0 done, 1 nothing was ever visited, 2 an error, told in one line.
"""

from __future__ import annotations

import argparse
import sys
import time

import numpy as np

from paretoscope.errors import ParetoscopeError, UnfitResult
from paretoscope_client import Client, FrameSender, Result
from paretoscope_client.spectra import ScanRequest, Spectra
from paretoscope_client.vendor import REAL_CLIENT, client_factory


def least_score(service: Client, result: Result, z: int, host_z: int) -> float:
    """Between the response of the host's atoms, which are most of them, and that of the dopant's."""
    host = float(np.median(service.atoms(result.frame_id, ["score"])["score"]))
    return host * (z / host_z) ** (1.7 / 2)


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--url", default="http://127.0.0.1:8000", help="the service")
    ask.add_argument("--frames-to", default="tcp://127.0.0.1:5555", help="where it takes frames")
    ask.add_argument("--stream", default="dopants")
    ask.add_argument("--client", default=REAL_CLIENT, help="the microscope's client, module:Class")
    ask.add_argument("--host", default="localhost", help="of the microscope's server")
    ask.add_argument("--rounds", type=int, default=3)
    ask.add_argument("--size-px", type=int, default=512)
    ask.add_argument("--dwell-us", type=float, default=32.0, help="of the scan, per pixel")
    ask.add_argument("--stay-ms", type=float, default=50.0, help="time of the beam on each dopant")
    ask.add_argument("--z", type=int, default=14, help="atomic number of the dopant")
    ask.add_argument("--host-z", type=int, default=6, help="atomic number of the host")
    ask.add_argument("--class", dest="classes", nargs="*", default=[], help="only of these classes, by name")
    ask.add_argument("--allow", nargs="*", default=[], help="reasons of the guard to overrule: simulated ...")
    given = ask.parse_args(argv)
    visited = 0
    try:
        microscope = Spectra(given.host, factory=client_factory(given.client))
        with Client(given.url) as service, FrameSender(given.frames_to, given.stream) as sender, microscope:
            service.wait_ready(timeout_s=120.0)
            microscope.connect()
            for _ in range(given.rounds):
                scanned, about = microscope.scan(ScanRequest(size_px=given.size_px, dwell_us=given.dwell_us))
                result = service.result(sender.send(scanned.image, **about).frame_id)
                try:
                    targets = service.targets(
                        result,
                        min_score=least_score(service, result, given.z, given.host_z),
                        min_confidence=0.5,
                        apart_nm=0.1,
                        classes=given.classes,
                        allow=given.allow,
                    )
                except UnfitResult as unfit:
                    print(f"{unfit.frame_id}: not acted on: {', '.join(unfit.reasons)}", flush=True)
                    continue
                for x, y in targets.points:
                    microscope.park_beam(x, y)
                    time.sleep(given.stay_ms / 1e3)
                visited += len(targets)
                print(
                    f"{result.frame_id}: {len(targets)} visited, {targets.path:.1f} {targets.path_unit}",
                    flush=True,
                )
    except ParetoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0 if visited else 1


if __name__ == "__main__":
    raise SystemExit(main())
