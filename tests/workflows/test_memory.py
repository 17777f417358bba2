"""A worker's memory on the largest frames that instruments make."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paretoscope.workflows import prepared as workflows_prepared
from paretoscope.workflows.prepared import Prepared, PreparedCache

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


def frame(side: int) -> Prepared:
    return Prepared(np.zeros((side, side), dtype=np.float32), None, None, "cpu")  # type: ignore[arg-type]


def test_so_many_frames_are_kept_as_fit_together_and_the_newest_always(monkeypatch):
    monkeypatch.setattr(workflows_prepared, "MOST_CACHED_PIXELS", 64 * 64)
    cache = PreparedCache()
    for number in range(6):
        cache.put(f"small-{number}", frame(16))
    assert [cache.get(f"small-{number}") is not None for number in range(6)] == [False, False, *[True] * 4]
    cache.put("medium", frame(56))
    kept = [cache.get(f"small-{number}") is not None for number in range(6)]
    assert kept == [False, False, False, True, True, True]
    cache.put("large", frame(100))
    assert cache.get("large") is not None
    assert cache.get("medium") is None


def test_room_is_made_before_a_large_frame_is_built(monkeypatch):
    monkeypatch.setattr(workflows_prepared, "MOST_CACHED_PIXELS", 64 * 64)
    cache = PreparedCache()
    cache.put("old", frame(64))
    cache.make_room(64 * 64)
    assert cache.get("old") is None
