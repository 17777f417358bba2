"""Steer along the front until the false positives fall under a limit, then leave it there.

    python examples/steer_front.py --stream simulated --max-er 0.02 --allow simulated

Each new result whose ER (atoms closer than the lattice allows, over the expected number) is above the limit
has a point of its front picked: of those under the limit the one that misses fewest atoms. The pick holds for
the frames that follow; the loop ends when so many in a row stay under the limit on their own.
Exit codes: 0 the limit holds, 1 it was not reached within the frames given, 2 an error.
"""

from __future__ import annotations

import argparse
import sys

from paretoscope.errors import BadParameters, ParetoscopeError, UnfitResult
from paretoscope_client import Client, Result
from paretoscope_client.fronts import least_missed


def steered(service: Client, result: Result, max_er: float) -> None:
    """Pick a better point where the front has one."""
    try:
        picked = service.choose(result.frame_id, rule=least_missed(max_er), by="steer_front")
    except BadParameters as none:
        print(f"  {none.hint}")
        return
    again = picked.frame or service.redetected(picked)
    print(
        f"  picked point {again.chosen} of {again.points}: QC {again.qc:.3f}, ER {again.er:.3f}", flush=True
    )


def main(argv: list[str] | None = None) -> int:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--url", default="http://127.0.0.1:8000", help="the service")
    ask.add_argument("--stream", required=True)
    ask.add_argument("--max-er", type=float, default=0.05, help="limit of ER")
    ask.add_argument("--frames", type=int, default=20, help="give up after so many")
    ask.add_argument("--in-a-row", type=int, default=2, help="so many frames under the limit are enough")
    ask.add_argument("--timeout-s", type=float, default=120.0, help="the longest wait for a new result")
    ask.add_argument("--allow", nargs="*", default=[], help="reasons of the guard to overrule: simulated ...")
    given = ask.parse_args(argv)
    under = 0
    try:
        with Client(given.url) as service:
            # That ER is too high is what this loop is for.
            allow = {*given.allow, "er-too-high"}
            results = service.results(given.stream, allow=allow, timeout_s=given.timeout_s)
            for _ in range(given.frames):
                try:
                    result = next(results)
                except UnfitResult as unfit:
                    print(f"{unfit.frame_id}: not acted on: {', '.join(unfit.reasons)}", flush=True)
                    continue
                er = result.er if result.er is not None else float("inf")
                under = under + 1 if er <= given.max_er else 0
                print(f"{result.frame_id}: {result.atoms} atoms, QC {result.qc}, ER {result.er}", flush=True)
                if under == given.in_a_row:
                    return 0
                if not under:
                    steered(service, result, given.max_er)
    except ParetoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
