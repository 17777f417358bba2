"""A control loop over REST: follow a stream, keep its false positives low, act on what is found.

    python rest_loop.py --url http://127.0.0.1:8000 --stream stem --frames 10 --max-er 0.05

For every new frame: read the result; where ER (atoms closer than the lattice allows, over the expected
number) is above the limit, pick a point of the front with fewer false atoms and take the re-detected atoms;
then hand the sure atoms on. Here "handing on" prints them; a real loop would steer the beam.
"""

from __future__ import annotations

import argparse
import sys

from paretoscope.contract.views import FrameView
from paretoscope.errors import ParetoscopeError
from paretoscope_client import Client

SURE = 0.5
"""Least confidence of an atom worth visiting."""


def steer(service: Client, frame: FrameView, max_er: float) -> FrameView:
    """The frame as it stands after a better point was picked, if there is one."""
    front = service.front(frame.frame_id)
    if front.chosen is None or front.points[front.chosen].er <= max_er:
        return frame
    better = [index for index, point in enumerate(front.points) if point.er <= max_er]
    if not better:
        print(f"  no point of the front has ER <= {max_er}")
        return frame
    # Of those that are clean enough, the one that misses fewest.
    point = min(better, key=lambda index: front.points[index].qc)
    answer = service.choose(frame.frame_id, point=point, by="rest_loop")
    if answer.frame is None:
        print("  the pick is taken; its result is not there yet")
        return frame
    print(f"  picked point {point}: QC {answer.frame.qc:.3f}, ER {answer.frame.er:.3f}")
    return answer.frame


def act(service: Client, frame: FrameView) -> None:
    """What the loop is for: the sure atoms, in fractions of the scan."""
    atoms = service.atoms(frame.frame_id, ["y_px", "x_px", "confidence"])
    sure = atoms["confidence"] >= SURE
    rows, columns = frame.header.shape
    y, x = (atoms["y_px"][sure] + 0.5) / rows, (atoms["x_px"][sure] + 0.5) / columns
    first = f"; the first at ({y[0]:.3f}, {x[0]:.3f})" if len(y) else ""
    print(f"  {len(y)} sure atoms of {len(sure)}{first}")


def main() -> int:
    ask = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ask.add_argument("--url", default="http://127.0.0.1:8000")
    ask.add_argument("--stream", required=True)
    ask.add_argument("--frames", type=int, default=10)
    ask.add_argument("--max-er", type=float, default=0.05)
    ask.add_argument("--even-simulated", action="store_true", help="act on simulated frames as well")
    given = ask.parse_args()
    try:
        with Client(given.url) as service:
            for count, frame in enumerate(service.results(given.stream, unfit="pass"), start=1):
                print(f"{frame.frame_id}: {frame.atoms} atoms, QC {frame.qc}, ER {frame.er}")
                frame = steer(service, frame, given.max_er)
                reasons = set(frame.guard.reasons if frame.guard else ["no-guard"])
                if given.even_simulated:
                    reasons -= {"simulated"}
                if reasons:
                    print(f"  not acted on: {', '.join(sorted(reasons))}")
                else:
                    act(service, frame)
                sys.stdout.flush()
                if count == given.frames:
                    return 0
    except ParetoscopeError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
