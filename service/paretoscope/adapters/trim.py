"""Memory that was freed goes back to the system.

glibc keeps what is freed in the arena of the thread that asked for it, for that arena's next request. With
images and tables of all sizes in a dozen threads the resident memory of a process creeps upwards for hours
although nothing is leaked. Where the C library is another one this does nothing.
"""

from __future__ import annotations

import ctypes
import threading

TRIM_EVERY_S = 20.0


def keep_trimmed(stop: threading.Event | None = None, every_s: float = TRIM_EVERY_S) -> None:
    """Give back what is free each `every_s` seconds until `stop`, in a thread that ends with the process.

    To be called after the last fork.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is None:
        return
    stopped = stop or threading.Event()

    def run() -> None:
        while not stopped.wait(every_s):
            trim(0)

    threading.Thread(target=run, name="trim", daemon=True).start()
