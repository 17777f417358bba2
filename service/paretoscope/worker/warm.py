"""Compile at set-up what a worker would otherwise compile first: ``python -m paretoscope.worker.warm``.

The machine code stays on the disk; every worker after that loads it in a second or two.
"""

from __future__ import annotations

import time

from paretoscope.worker.workflow import AtomFinding


def main() -> None:
    began = time.monotonic()
    AtomFinding("cpu")
    print(f"numerics compiled and rehearsed in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
