"""Image until the beam has knocked out too many atoms, then blank it.

    python examples/stop_on_damage.py --client paretoscope_sim.vendor:TemMicroscopeClient --allow simulated

The first fit frame says how many atoms there are; the vacancy rate of a later one is the share that is
missing. One frame above the limit may be noise, so that two in a row are needed.
Exit codes: 0 all frames taken and no damage, 3 stopped on damage with the beam blanked, 2 an error.
"""

from __future__ import annotations

import argparse
import sys

from paretoscope.contract.targets import MOST_TARGETS
from paretoscope.errors import ParetoscopeError, UnfitResult
from paretoscope_client import Client, FrameSender
from paretoscope_client.spectra import ScanRequest, Spectra
from paretoscope_client.vendor import REAL_CLIENT, client_factory


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--url", default="http://127.0.0.1:8000", help="the service")
    ask.add_argument("--frames-to", default="tcp://127.0.0.1:5555", help="where it takes frames")
    ask.add_argument("--stream", default="damage")
    ask.add_argument("--client", default=REAL_CLIENT, help="the microscope's client, module:Class")
    ask.add_argument("--host", default="localhost", help="of the microscope's server")
    ask.add_argument("--frames", type=int, default=100, help="stop after so many at the latest")
    ask.add_argument("--size-px", type=int, default=512)
    ask.add_argument("--dwell-us", type=float, default=32.0)
    ask.add_argument("--max-vacancies", type=float, default=0.02, help="limit of the vacancy rate, 0..1")
    ask.add_argument("--min-confidence", type=float, default=0.0, help="of an atom that counts")
    ask.add_argument(
        "--apart-nm", type=float, default=0.08, help="two closer than this are one atom seen twice"
    )
    ask.add_argument("--allow", nargs="*", default=[], help="reasons of the guard to overrule: simulated ...")
    given = ask.parse_args(argv)
    # That atoms go missing is what this loop is for.
    allow = {*given.allow, "atoms-falling", "drifted", "er-too-high"}
    first, above = None, 0
    try:
        microscope = Spectra(given.host, factory=client_factory(given.client))
        with Client(given.url) as service, FrameSender(given.frames_to, given.stream) as sender, microscope:
            service.wait_ready(timeout_s=120.0)
            microscope.connect()
            for _ in range(given.frames):
                scanned, about = microscope.scan(ScanRequest(size_px=given.size_px, dwell_us=given.dwell_us))
                result = service.result(sender.send(scanned.image, **about).frame_id)
                try:
                    sites = service.targets(
                        result,
                        min_confidence=given.min_confidence,
                        apart_nm=given.apart_nm,
                        edge_nm=given.apart_nm,
                        at_most=MOST_TARGETS,
                        order="raster",
                        allow=allow,
                    )
                except UnfitResult as unfit:
                    print(f"{unfit.frame_id}: not judged: {', '.join(unfit.reasons)}", flush=True)
                    continue
                first = first or len(sites)
                rate = max(0.0, 1.0 - len(sites) / first) if first else 0.0
                above = above + 1 if rate > given.max_vacancies else 0
                print(
                    f"{result.frame_id}: {len(sites)} of {first} atoms, vacancy rate {rate:.2%}", flush=True
                )
                if above == 2:
                    microscope.blank_beam()
                    print(f"stopped: above {given.max_vacancies:.2%}; the beam is blanked")
                    return 3
    except ParetoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
