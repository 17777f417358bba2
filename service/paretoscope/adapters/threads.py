"""How many threads the numerics may use, said to the libraries before they are loaded."""

from __future__ import annotations

import os

VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def compute_threads(processes: int = 1, cores: int | None = None) -> int:
    """Threads for each of `processes` workers: all cores but one, which the bridge and the API need.

    Threads that outnumber free cores wait for each other in a busy loop: on two cores shared with the rest
    of the service, two threads took up to ten times as long as one.
    """
    there = cores if cores is not None else len(os.sched_getaffinity(0))
    return max(1, (there - 1) // max(processes, 1))


def thread_environment(processes: int = 1) -> dict[str, str]:
    """Variables for a process that is about to load torch; what the user has set stays."""
    asked = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    if asked:
        return {}
    count = str(compute_threads(processes))
    return dict.fromkeys(VARIABLES, count) | {"OMP_WAIT_POLICY": "PASSIVE"}
