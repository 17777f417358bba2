"""How many threads the numerics may use, said to the libraries before they are loaded or after a fork."""

from __future__ import annotations

import os
import sys

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


WORKER_VARIABLE = "PARETOSCOPE_WORKER_THREADS"


def standby_environment(processes: int = 1) -> dict[str, str]:
    """Variables for a worker that loads everything with one thread and forks the process that does the work.

    A process can be forked safely only while it has one thread. The forked one takes its share with
    `take_threads`; what the user has set for the libraries is that share.
    """
    asked = next((os.environ[name] for name in VARIABLES if os.environ.get(name)), "")
    share = int(asked) if asked.isdigit() and int(asked) > 0 else compute_threads(processes)
    return dict.fromkeys(VARIABLES, "1") | {
        WORKER_VARIABLE: str(share),
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        # pyarrow's allocator, which comes in with pandas, would start a thread of its own.
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
    }


def take_threads() -> None:
    """Let the libraries that are loaded use this process's share."""
    share = int(os.environ.get(WORKER_VARIABLE) or compute_threads())
    if share == 1:
        return
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(share)
    if "threadpoolctl" in sys.modules:
        sys.modules["threadpoolctl"].threadpool_limits(share)


def alone() -> bool:
    """Whether this process has one thread, those of libraries included; False where that cannot be known."""
    try:
        return len(os.listdir("/proc/self/task")) == 1
    except OSError:
        return False
