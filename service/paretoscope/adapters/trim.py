"""Memory that was freed goes back to the system.

glibc keeps what is freed in the arena of the thread that asked for it, for that arena's next request. With
images and tables of all sizes in a dozen threads the resident memory of a process creeps upwards for hours
although nothing is leaked. Where the C library is another one none of this does anything.
"""

from __future__ import annotations

import ctypes
import gc
import os
import threading

TRIM_EVERY_S = 20.0

MAPPED_KIB = 64
"""What is larger is mapped by itself and goes back when it is freed, kB of 1024 bytes."""


def lean_environment() -> dict[str, str]:
    """Variables for a process that is about to start and holds data of all sizes for days.

    One arena for all its threads, and images never in it: left to itself glibc puts what is as large as
    something freed before (up to 32 MiB) among the small, where any of these keeps its pages. Python's
    objects come from there too: its own arenas of 1 MiB go back only when nothing is left in them. Not for
    the numerics, whose work arrays would be mapped anew each time. What the user has set stays.
    """
    told = {
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": str(MAPPED_KIB * 1024),
        "PYTHONMALLOC": "malloc",
    }
    return {name: os.environ.get(name, value) for name, value in told.items()}


def settle() -> None:
    """Leave what is loaded by now out of the collector's rounds: it stays anyway, and nobody is answered
    while the collector looks through it (74 ms for what the API loads)."""
    gc.collect()
    gc.freeze()


def keep_trimmed(
    stop: threading.Event | None = None, every_s: float = TRIM_EVERY_S, *, collect: bool = False
) -> None:
    """Give back what is free each `every_s` seconds until `stop`, in a thread that ends with the process.

    To be called after the last fork. collect: look for cycles first, which otherwise wait for minutes in a
    process that makes few; only for one that was settled.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return
    stopped = stop or threading.Event()

    def run() -> None:
        while not stopped.wait(every_s):
            if collect:
                gc.collect()
            trim(0)

    threading.Thread(target=run, name="trim", daemon=True).start()
