"""Makes a worker hang on demand: Python imports this by itself where its folder is on the path.

SIGUSR1: the thread that computes sleeps for ever.  SIGUSR2: it spins in C and never lets go of the
interpreter.
"""

from __future__ import annotations

import collections
import itertools
import signal
import sys
import threading

if any("paretoscope.worker" in word for word in sys.orig_argv):
    signal.signal(signal.SIGUSR1, lambda *_: threading.Event().wait())
    signal.signal(signal.SIGUSR2, lambda *_: collections.deque(itertools.repeat(0), maxlen=0))
