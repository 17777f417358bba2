from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import threading, time
import psutil
from paretoscope.adapters.trim import keep_trimmed

resident = psutil.Process().memory_info
begun = resident().rss
blocks = [bytearray(60_000) for _ in range(2_000)]
held = resident().rss - begun
del blocks[:-1]  # the last one lies above the others and keeps the heap from shrinking by itself
before = resident().rss - begun
stop = threading.Event()
keep_trimmed(stop, 0.01)
until = time.monotonic() + 20.0
while resident().rss - begun > 0.2 * held and time.monotonic() < until:
    time.sleep(0.01)
stop.set()
print(held, before, resident().rss - begun)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="of glibc")
def test_what_was_freed_goes_back_to_the_system() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    held, before, after = map(int, told.stdout.split())
    assert held > 100_000_000
    assert before > 0.8 * held  # without it nothing goes back
    assert after <= 0.2 * held
