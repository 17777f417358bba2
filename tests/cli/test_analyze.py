"""`paretoscope analyze`, run as a user runs it, on small images with known atoms."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass

import numpy as np
import pytest
from PIL import Image

from paretoscope.cli import main

KEYS = (
    *("file", "shape", "pixel_size_nm", "atoms", "qc", "er", "n_expected", "n_expected_source"),
    *("params", "front", "classes", "timings_ms", "device", "version"),
)
QUICK = ["--budget-s", "1.5", "--windows", "64"]


@pytest.fixture(scope="module")
def square(tmp_path_factory):
    """A 128 x 128 image of 100 atoms on a square lattice, 0.02 nm a pixel."""
    grid = np.arange(128)
    places = 6.4 + 12.8 * np.arange(10)
    rows = np.exp(-((grid[:, None] - places) ** 2) / (2 * 2.6**2)).sum(axis=1)
    noise = np.random.default_rng(0).normal(0, 0.03, (128, 128))
    folder = tmp_path_factory.mktemp("images")
    np.save(folder / "square.npy", (rows[:, None] * rows + noise).astype(np.float32))
    (folder / "square.json").write_text('{"pixel_size_nm": 0.02}')
    return folder / "square.npy"


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys):
    """Run `paretoscope analyze` with these arguments in this process."""

    def analyze(*arguments) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["analyze", *(str(argument) for argument in arguments)])
        told = capsys.readouterr()
        return Done(ended.value.code, told.out, told.err)

    return analyze


def test_one_json_object_a_file_with_the_keys_of_the_surface(run, square):
    done = run(square, "--json", *QUICK)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert tuple(found) == KEYS
    assert found["shape"] == [128, 128]
    assert found["pixel_size_nm"] == [0.02, 0.02]
    assert found["atoms"] == pytest.approx(100, abs=3)
    assert found["qc"] < 0.1
    assert all(set(point) == {"params", "qc", "er"} for point in found["front"])
    assert sum(found["classes"].values()) <= found["atoms"]


def test_out_holds_every_figure_the_atoms_and_the_summary(run, square, tmp_path):
    done = run(square, "--out", tmp_path / "new" / "folder", *QUICK)
    assert done.code == 0, done.err
    made = {path.name for path in (tmp_path / "new" / "folder").iterdir()}
    figures = {f"square-{name}.png" for name in ("overlay", "front", "classes", "parameters", "choices")}
    assert made == figures | {"square-atoms.csv", "square-summary.json"}
    with (tmp_path / "new/folder/square-atoms.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    summary = json.loads((tmp_path / "new/folder/square-summary.json").read_text())
    assert len(rows) == summary["atoms"]
    assert float(rows[0]["y_nm"]) == pytest.approx(0.02 * float(rows[0]["y_px"]), rel=1e-4)
    assert "square.npy" in done.out
    assert "N expected" in done.out


def test_a_bad_file_is_one_line_on_stderr_and_the_others_are_still_analysed(run, square, tmp_path):
    (tmp_path / "torn.tif").write_bytes(b"II*\0torn")
    done = run(tmp_path / "torn.tif", square, tmp_path / "none.png", "--json", *QUICK)
    assert done.code == 2
    assert json.loads(done.out)["atoms"] > 90
    lines = done.err.strip().splitlines()
    assert len(lines) == 2
    assert "torn.tif" in lines[0]
    assert "none.png" in lines[1]
    assert "Traceback" not in done.err


def test_an_image_that_cannot_be_analysed_is_told_with_a_hint(run, tmp_path):
    Image.fromarray(np.full((64, 64), 7, np.uint8)).save(tmp_path / "flat.png")
    done = run(tmp_path / "flat.png", "--json")
    assert done.code == 2
    assert done.out == ""
    assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "options",
    [
        ["--lattice", "unobtainium"],
        ["--lattice", "a=0,b=1"],
        ["--pixel-size-nm", "-1"],
        ["--pixel-size-nm", "nan"],
        ["--budget-s", "0"],
        ["--optimiser", "guess"],
        ["--windows", "8"],
        ["--classes", "13"],
        ["--classes", "many"],
        ["--count", "0"],
    ],
)
def test_a_bad_option_is_one_line_for_all_files(run, square, options):
    done = run(square, square, *options)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert "Traceback" not in done.err


def test_a_lattice_given_by_cell_sets_what_is_expected(run, square):
    done = run(square, "--json", "--lattice", "a=0.256,b=0.256,gamma=90,basis=0:0", *QUICK)
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["n_expected"] == pytest.approx(100, rel=0.1)


def test_files_of_the_same_name_do_not_overwrite_each_other(run, square, tmp_path):
    twin = tmp_path / "square.npy"
    twin.write_bytes(square.read_bytes())
    done = run(square, twin, "--out", tmp_path / "out", "--json", *QUICK)
    assert done.code == 0, done.err
    made = {path.name for path in (tmp_path / "out").glob("*-atoms.csv")}
    assert made == {"square-atoms.csv", "square-2-atoms.csv"}


@pytest.fixture(scope="module")
def stacks(tmp_path_factory, square):
    """The same stack of three frames as npy, TIFF and HDF5."""
    import h5py
    import tifffile

    image = np.load(square)
    noise = np.random.default_rng(1).normal(0, 0.02, (3, *image.shape))
    stack = (image + noise).astype(np.float32)
    folder = tmp_path_factory.mktemp("stacks")
    np.save(folder / "stack.npy", stack)
    tifffile.imwrite(folder / "stack.tif", stack)
    with h5py.File(folder / "stack.h5", "w") as file:
        file["image"] = stack
    return folder


@pytest.mark.parametrize("ending", ["npy", "tif", "h5"])
def test_a_movie_is_one_line_a_frame_and_one_table(run, stacks, tmp_path, ending):
    stack = stacks / f"stack.{ending}"
    done = run(stack, "--movie", "--json", "--out", tmp_path, "--pixel-size-nm", "0.02", *QUICK)
    assert done.code == 0, done.err
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [line["frame"] for line in lines] == [0, 1, 2]
    assert [line["tuned"] for line in lines] == [True, False, False]
    with (tmp_path / "stack-movie-atoms.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == sum(line["atoms"] for line in lines)
    assert {row["frame"] for row in rows} == {"0", "1", "2"}
    assert float(rows[-1]["y_nm"]) == pytest.approx(0.02 * float(rows[-1]["y_px"]), rel=1e-4)


def test_without_movie_the_first_frame_of_a_stack_is_analysed_and_the_table_says_so(run, stacks):
    done = run(stacks / "stack.npy", *QUICK)
    assert done.code == 0, done.err
    assert "--movie takes them all" in " ".join(done.out.split())
