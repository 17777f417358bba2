"""A worker's memory on the largest frames that instruments make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_frame_of_4096_px_with_170_000_atoms_takes_less_than_1500_mb():
    paths = os.pathsep.join(str(ROOT / root) for root in ("service", "clients", "instrument_sim"))
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks/size.py"), "--one", "4096", "--budget-s", "3"],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["atoms"] == pytest.approx(409.6**2, rel=0.05)
    assert found["peak_mb"] < 1500
