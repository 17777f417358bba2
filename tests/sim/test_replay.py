"""Recorded images through the same client."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile

from paretoscope.errors import BadFile
from paretoscope_sim.clock import Clock
from paretoscope_sim.replay import ReplayOver, ReplaySource, as_counts, find_files
from paretoscope_sim.vendor import SimulatedInstrument, TemMicroscopeClient


def client_for(source: ReplaySource) -> TemMicroscopeClient:
    client = TemMicroscopeClient(SimulatedInstrument(source, Clock(float("inf"))))
    client.connect()
    return client


def scan(client):
    return client.acquisition.acquire_stem_image("HAADF", 512, 1e-6)


@pytest.fixture
def movie(tmp_path):
    frames = np.random.default_rng(0).integers(0, 60000, (3, 40, 60)).astype(np.uint16)
    path = tmp_path / "movie.tif"
    tifffile.imwrite(
        path, frames, imagej=True, resolution=(50.0, 50.0), metadata={"unit": "nm", "axes": "TYX"}
    )
    return path, frames


def test_a_stack_is_played_as_a_movie_with_the_files_pixel_size(movie):
    path, frames = movie
    client = client_for(ReplaySource([path]))
    for expected in frames:
        image = scan(client)
        assert np.array_equal(image.data, expected)
        assert image.metadata.binary_result.pixel_size.x == pytest.approx(0.02e-9)
        assert image.metadata.scan_settings.scan_size.height == 40


def test_a_recording_ends_once_or_loops(movie):
    path, frames = movie
    once = client_for(ReplaySource([path]))
    for _ in frames:
        scan(once)
    with pytest.raises(ReplayOver, match="--loop"):
        scan(once)
    looping = client_for(ReplaySource([path], loop=True))
    played = [scan(looping).data for _ in range(4)]
    assert np.array_equal(played[0], played[3])


def test_a_folder_is_played_in_the_order_of_names(tmp_path):
    for value, name in ((2, "b.npy"), (1, "a.npy"), (3, "c.npy")):
        np.save(tmp_path / name, np.full((16, 16), value, np.uint16))
    (tmp_path / "notes.txt").write_text("not an image")
    client = client_for(ReplaySource(find_files(tmp_path)))
    assert [int(scan(client).data[0, 0]) for _ in range(3)] == [1, 2, 3]
    assert [p.name for p in find_files(tmp_path / "[ab].npy")] == ["a.npy", "b.npy"]


def test_a_sidecar_tells_the_pixel_size_and_an_option_stands_in(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(16))
    np.save(tmp_path / "b.npy", np.eye(16))
    (tmp_path / "a.json").write_text(json.dumps({"pixel_size_nm": 0.03}))
    client = client_for(ReplaySource(find_files(tmp_path), pixel_size_nm=0.05))
    sizes = [scan(client).metadata.binary_result.pixel_size.x for _ in range(2)]
    assert sizes == pytest.approx([0.03e-9, 0.05e-9])


def test_an_unknown_pixel_size_stays_unknown(tmp_path):
    np.save(tmp_path / "a.npy", np.eye(16))
    assert scan(client_for(ReplaySource(find_files(tmp_path)))).metadata.binary_result.pixel_size is None


def test_fractions_are_stretched_and_movies_share_the_stretch():
    first, scale = as_counts(np.array([[0.0, 0.5], [np.nan, 1.0]]))
    assert first.tolist() == [[0, 32768], [0, 65535]]
    second, _ = as_counts(np.array([[0.25, 2.0]]), scale)
    assert second.tolist() == [[16384, 65535]]


def test_counts_that_fit_stay_as_they_are():
    assert as_counts(np.array([[0, 7, 65535]], np.int32))[0].tolist() == [[0, 7, 65535]]
    assert as_counts(np.array([[0, 131070]], np.uint32))[0].tolist() == [[0, 65535]]


def test_a_blanked_beam_blanks_a_recording_too(movie):
    client = client_for(ReplaySource([movie[0]]))
    client.optics.blanker.blank()
    assert scan(client).data.max() == 0


def test_nothing_to_play_says_so(tmp_path):
    with pytest.raises(BadFile, match="No image"):
        find_files(tmp_path)


def test_every_real_file_can_be_replayed(shared):
    files = [p for p in find_files(shared / "data" / "real") if p.suffix != ".json"]
    assert len(files) >= 9
    client = client_for(ReplaySource(files))
    known = 0
    for _ in files:
        image = scan(client)
        assert image.data.dtype == np.uint16
        assert image.data.std() > 0
        known += image.metadata.binary_result.pixel_size is not None
    assert known >= 4
