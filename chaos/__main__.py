"""``python -m chaos``: run trials, record their figures, renew docs/reliability.md."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import chaos
from chaos.outcome import Say, Size, stopwatch
from chaos.page import renew
from paretoscope.adapters import logs

SUPPORT = {"outcome", "stage", "traffic", "page"}


def trials() -> list[str]:
    return sorted(one.name for one in pkgutil.iter_modules(chaos.__path__) if _is_trial(one))


def _is_trial(one: pkgutil.ModuleInfo) -> bool:
    return not one.ispkg and one.name not in SUPPORT and not one.name.startswith("_")


def run(name: str, share: float, record: bool) -> bool:
    """One trial here and now; whether all its goals are met."""
    elapsed = stopwatch()
    module = importlib.import_module(f"chaos.{name}")
    logs.configure("error")  # of parts that run in this process; millions of refusals are no news
    say: Say = lambda line: print(f"[{elapsed():5.0f} s] {name}: {line}", flush=True)  # noqa: E731
    outcome = module.trial(Size(share), say)
    print("\n".join(outcome.lines()), flush=True)
    if record:
        print(f"recorded in {outcome.record(share, elapsed())}")
        if hasattr(module, "draw"):
            module.draw(outcome)
        renew()
    return outcome.met


def main() -> int:
    known = trials()
    about = chaos.__doc__ or ""
    ask = argparse.ArgumentParser(
        prog="python -m chaos",
        description=about,
        epilog="trials: " + ", ".join(known),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    ask.add_argument("trial", nargs="*", help="which ones; all when none is named")
    ask.add_argument("--share", type=float, default=1.0, help="of the whole size, 0 to 1 (default 1)")
    ask.add_argument("--record", action="store_true", help="keep the figures (a whole run of all does)")
    ask.add_argument("--render", action="store_true", help="only renew docs/reliability.md from the records")
    given = ask.parse_args()
    if given.render:
        renew()
        return 0
    unknown = sorted(set(given.trial) - set(known))
    if unknown:
        ask.error(f"there is no trial {', '.join(unknown)}; there are {', '.join(known)}")
    if len(given.trial) == 1:
        return 0 if run(given.trial[0], given.share, given.record) else 1
    record = ["--record"] if given.record or not given.trial else []
    missed = []
    for name in given.trial or known:  # each in a process of its own: none inherits another's memory
        command = [sys.executable, "-m", "chaos", name, "--share", str(given.share), *record]
        if subprocess.run(command, cwd=Path(__file__).parents[1], check=False).returncode:
            missed.append(name)
    print(f"goals missed by: {', '.join(missed)}" if missed else "every goal met")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
