"""`paretoscope export`, run as a user runs it, on a real store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from paretoscope.adapters.exporters.record import NotDone, read_record
from paretoscope.adapters.store import Store
from paretoscope.cli import main
from paretoscope.contract import AtomMap, Classes, Fault
from serving import frame, put, put_worked, results, server, store  # noqa: F401

FIGURES = ("overlay", "front", "classes", "parameters", "choices")


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def run(store: Store, monkeypatch, capsys):  # noqa: F811
    """Run `paretoscope export` with these arguments in this process, on the store."""
    monkeypatch.setenv("REDIS_URL", store.url)

    def export(*arguments: object) -> Done:
        with pytest.raises(SystemExit) as ended:
            main(["export", *(str(argument) for argument in arguments)])
        told = capsys.readouterr()
        return Done(ended.value.code, told.out, told.err)

    return export


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_all_formats_image_and_figures_of_one_frame(run, store, tmp_path):  # noqa: F811
    frame_id = put_worked(store)
    formats = [
        part for name in ("csv", "arrow", "parquet", "npy", "hdf5", "json") for part in ("--format", name)
    ]
    done = run(frame_id, "--out", tmp_path / "new" / "folder", "--image", *formats)
    assert (done.code, done.err) == (0, "")
    endings = {
        *(f"-{name}.png" for name in FIGURES),
        *(f"-atoms.{ending}" for ending in ("csv", "arrow", "parquet", "npy", "json")),
        *(".h5", "-summary.json", "-image.tif", "-image.npy"),
    }
    assert names(tmp_path / "new" / "folder") == {frame_id + ending for ending in endings}
    for name in FIGURES:
        with Image.open(tmp_path / "new" / "folder" / f"{frame_id}-{name}.png") as figure:
            assert min(figure.size) > 300
    with h5py.File(tmp_path / "new" / "folder" / f"{frame_id}.h5") as file:
        np.testing.assert_array_equal(
            file["entry/atoms/y_px"], store.document(frame_id, AtomMap).columns["y_px"]
        )


def test_the_newest_results_of_a_stream_and_only_those_that_are_done(run, store, tmp_path):  # noqa: F811
    ids = [put_worked(store, sequence) for sequence in range(4)]
    waiting = put(store, 4)
    done = run("--stream", "stem", "--last", 2, "--no-figures", "--out", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert names(tmp_path) == {f"{one}-{what}" for one in ids[2:] for what in ("atoms.csv", "summary.json")}
    assert waiting not in done.out
    assert done.out.index(ids[2]) < done.out.index(ids[3])


def test_the_operators_class_names_of_now_are_exported(run, store, tmp_path):  # noqa: F811
    frame_id = put_worked(store)
    store.name_class("stem", 2, "Si dopant")
    assert run(frame_id, "--no-figures", "--out", tmp_path).code == 0
    told = json.loads((tmp_path / f"{frame_id}-summary.json").read_text())
    assert {one["class_id"]: one["name"] for one in told["classes"]}[2] == "Si dopant"


def test_an_unknown_frame_is_one_line_and_the_others_are_still_exported(run, store, tmp_path):  # noqa: F811
    frame_id = put_worked(store)
    done = run("stem-e1-000099", frame_id, "--no-figures", "--out", tmp_path)
    assert done.code == 2
    assert len(done.err.strip().splitlines()) == 1
    assert "stem-e1-000099" in done.err
    assert f"{frame_id}-atoms.csv" in names(tmp_path)


def test_a_frame_that_is_not_done_says_how_it_stands(run, store, tmp_path):  # noqa: F811
    frame_id = put(store)
    done = run(frame_id, "--out", tmp_path)
    assert done.code == 2
    assert "is queued" in done.err
    claim = store.claim_frame("w", 0.1)
    assert "is working" in run(frame_id, "--out", tmp_path).err
    store.fail_frame(claim, Fault(code="constant-image", hint="The image is one grey.", frame_id=frame_id))
    done = run(frame_id, "--out", tmp_path)
    assert done.code == 2
    assert "The image is one grey." in done.err
    assert names(tmp_path) == set()


def test_an_out_that_is_a_file_is_told(run, store, tmp_path):  # noqa: F811
    frame_id = put_worked(store)
    (tmp_path / "taken").write_text("")
    for out in (tmp_path / "taken", tmp_path / "taken" / "below", Path("/proc/nowhere")):
        done = run(frame_id, "--out", out)
        assert done.code == 2
        assert str(out) in done.err
        assert len(done.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--stream"),
        (["x", "--format", "xls"], "--format"),
        (["--stream", "nothing"], "nothing"),
        (["--stream", "stem", "--last", "0"], "--last"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(run, tmp_path, arguments, named):
    done = run(*arguments, "--out", tmp_path)
    assert done.code == 2
    assert named in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_store_that_does_not_run_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("REDIS_URL", raising=False)
    with pytest.raises(SystemExit) as ended:
        main(["export", "x-e-000000", "--data", str(tmp_path / "none"), "--out", str(tmp_path)])
    assert ended.value.code == 2
    assert "serve" in capsys.readouterr().err


def test_classes_of_an_older_detection_are_left_out(store):  # noqa: F811
    frame_id = put_worked(store)
    atoms = store.document(frame_id, AtomMap)
    fewer = {name: column[:5] for name, column in atoms.columns.items()}
    store.publish(frame_id, [atoms.model_copy(update={"columns": fewer, "revision": 1})])
    assert store.document(frame_id, Classes) is not None
    record = read_record(store, frame_id)
    assert record.atoms.count == 5
    assert record.classes is None


def test_a_dropped_frame_has_no_result(store):  # noqa: F811
    policy = store.policy("stem").model_copy(update={"drop": "newest"})
    store.set_policy("stem", policy)
    older, newer = put(store, 0), put(store, 1)
    claim = store.claim_frame("w", 0.1)
    assert claim.frame_id == newer
    store.finish_frame(claim, results(newer))
    with pytest.raises(NotDone, match="dropped"):
        read_record(store, older)
