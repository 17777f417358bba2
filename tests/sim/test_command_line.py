"""`paretoscope-sim` as a person types it."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys

import numpy as np
import pytest

from bridge.memory_store import MemoryStore
from bridge.running import running_bridge
from paretoscope.adapters.files import read_image
from paretoscope_sim.cli import main


def typed(line: str, capsys) -> tuple[int, str, str]:
    """Return exit code, standard output, standard error."""
    with pytest.raises(SystemExit) as ended:
        main(line.split())
    told = capsys.readouterr()
    return int(ended.value.code or 0), told.out, told.err


def test_samples_are_listed_with_their_options(capsys):
    code, out, _ = typed("samples", capsys)
    assert code == 0
    for word in ("graphene", "SrTiO3", "MoS2", "BiFeO3", "amorphous", "vacancies=6"):
        assert word in out


def test_faults_are_listed_with_what_they_do(capsys):
    code, out, _ = typed("faults", capsys)
    assert code == 0
    assert "stale-frame" in out
    assert "every5" in out


def test_help_teaches_by_example(capsys):
    for line in ("--help", "run --help", "render --help"):
        code, out, _ = typed(line, capsys)
        assert code == 0
        assert "paretoscope-sim r" in out


@pytest.mark.parametrize("ending", ["npy", "tif", "png"])
def test_an_image_and_its_truth_can_be_written(ending, tmp_path, capsys):
    out, truth = tmp_path / f"a.{ending}", tmp_path / "a.csv"
    code, _, _ = typed(f"render SrTiO3 --out {out} --truth {truth} --size 96 --field-nm 3", capsys)
    assert code == 0
    image = read_image(out)
    assert image.image.shape == (96, 96)
    if ending != "png":
        assert image.pixel_size_nm == pytest.approx((3 / 96,) * 2, rel=1e-4)
    with truth.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == pytest.approx(9 * 2 / 0.3905**2, rel=0.15)
    assert {row["species"] for row in rows} == {"Sr", "Ti"}


def test_the_same_seed_writes_the_same_file(tmp_path, capsys):
    for name in ("a.npy", "b.npy"):
        typed(f"render MoS2 --out {tmp_path / name} --size 64 --seed 5 --frame 3", capsys)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        "render unobtainium --out a.png",
        "render graphene --out a.bmp",
        "render graphene --out a.png --option vacuums=3",
        "render graphene --out a.png --option vacancies",
        "render graphene --out a.png --size 0",
        "render graphene --out a.png --dwell-us -1",
        "render graphene --out no/such/folder/a.npy --size 32",
        "run --fault unknown",
        "run --speed 0",
        "run --speed fast",
        "run --sample graphene --replay a.npy",
        "run --replay no-such-file.npy",
        "run --to nowhere --size 32",
        "run --frames 0",
        "--bogus",
        "fly",
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = typed(line, capsys)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_an_interrupt_need_not_wait_for_the_end_of_a_scan():
    with running_bridge(MemoryStore()) as bridge:
        line = f"run --to {bridge.address} --speed 0.001 --size 64"
        running = subprocess.Popen(
            [sys.executable, "-u", "-m", "paretoscope_sim", *line.split()],
            stdout=subprocess.PIPE,
            text=True,
            # A suite that a shell runs in the background hands down an ignored SIGINT.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            assert running.stdout is not None
            assert "Ctrl-C" in running.stdout.readline()
            running.send_signal(signal.SIGINT)
            told, _ = running.communicate(timeout=30)
        finally:
            running.kill()
    assert running.returncode == 0
    assert "frames taken" in told


def test_options_alone_mean_run(tmp_path):
    store = MemoryStore()
    with running_bridge(store) as bridge:
        line = f"--to {bridge.address} --quiet --frames 2 --sample SrTiO3 --speed inf --size 64 --field-nm 3"
        done = subprocess.run(
            [sys.executable, "-m", "paretoscope_sim", *line.split()],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(store.frames) == 2
    header, pixels = next(iter(store.frames.values()))
    assert header.simulated
    assert np.frombuffer(pixels, "<u2").std() > 0
