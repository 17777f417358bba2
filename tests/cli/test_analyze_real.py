"""`paretoscope analyze` on every real and labelled image there is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGES = {".npy", ".ser", ".png", ".tif", ".jpg", ".hdf5", ".hspy"}
NO_IMAGE = "Asite_xy", "_Px_", "_Py_"
"""Tables and maps that lie beside the images."""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_real_image_is_analysed_with_figures_and_a_table(shared: Path, tmp_path: Path) -> None:
    files = [
        file
        for folder in ("real", "labelled")
        for file in sorted((shared / "data" / folder).iterdir())
        if file.suffix in IMAGES and not any(part in file.name for part in NO_IMAGE)
    ]
    assert len(files) >= 12
    roots = os.pathsep.join(str(ROOT / root) for root in ("service", "clients", "instrument_sim"))
    done = subprocess.run(
        [sys.executable, "-m", "paretoscope", "analyze", *map(str, files), "--json", "--out", str(tmp_path)],
        env=os.environ | {"PYTHONPATH": roots},
        capture_output=True,
        text=True,
        timeout=590,
    )
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(one["file"]).name for one in told] == [file.name for file in files]
    for one in told:
        assert one["atoms"] > 10, one["file"]
        assert one["n_expected"] > 10, one["file"]
        assert one["qc"] < 0.3, one["file"]
        assert one["front"], one["file"]
    for file in files:
        for kind in ("overlay.png", "front.png", "classes.png", "parameters.png", "choices.png", "atoms.csv"):
            assert list(tmp_path.glob(f"{file.stem}*-{kind}")), f"{file.name}: no {kind}"
