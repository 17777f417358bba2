"""The spectrum's thumbnail, and where the reflections are ringed."""

from __future__ import annotations

import io

import httpx
import numpy as np
import pytest
from PIL import Image

from paretoscope.adapters.store import Store
from paretoscope.api.spectrum import COLOUR, SIDE_PX, power, reach_of, reflections
from paretoscope.contract import ExpectedCount, ParetoFront
from paretoscope.core.expected import expect
from serving import SPACING, picture, put, put_worked

G = 1 / SPACING
SQUARE = ExpectedCount(value=64.0, source="lattice-occupied-area", reciprocal_cpp=((G, 0.0), (0.0, G)))


def test_the_brightest_spots_lie_where_the_lattice_says(store: Store):
    spectrum = power(picture(), 0.3)
    middle = len(spectrum) // 2
    spectrum[middle - 2 : middle + 3, middle - 2 : middle + 3] = -np.inf
    y, x = np.unravel_index(np.argmax(spectrum), spectrum.shape)
    found = np.array([y - middle, x - middle]) / 96
    nearest = np.abs(reflections(SQUARE, 0.3) - found).max(axis=1).min()
    assert nearest <= 1 / 96


def test_the_reflections_of_a_real_analysis_are_those_of_the_image():
    y, x = np.mgrid[0:192, 0:192].astype(np.float32)
    turn = np.deg2rad(20)
    u, v = y * np.cos(turn) + x * np.sin(turn), x * np.cos(turn) - y * np.sin(turn)
    wave = (np.cos(2 * np.pi * u / SPACING) + np.cos(2 * np.pi * v / SPACING)) / 2
    noise = np.random.default_rng(0).normal(0, 0.02, y.shape)
    found = expect((np.exp(2 * (wave - 1)) + noise).astype(np.float32)).document()
    assert found is not None
    lengths = np.hypot(*np.array(found.reciprocal_cpp).T)
    assert lengths == pytest.approx([G, G], rel=0.01)
    angles = np.rad2deg(np.arctan2(*np.array(found.reciprocal_cpp).T)) % 90
    assert np.min(np.abs(angles[:, None] - np.array([20, 70])), axis=1).max() < 1


def test_the_thumbnail_rings_reflections_once_the_lattice_is_known(http: httpx.Client, store: Store):
    frame_id = put(store, 0)
    bare = http.get(f"/v1/frames/{frame_id}/spectrum.png")
    assert bare.headers["content-type"] == "image/png"

    def ringed(content: bytes) -> int:
        pixels = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
        assert pixels.shape == (SIDE_PX, SIDE_PX, 3)
        return int((pixels == COLOUR).all(axis=2).sum())

    assert ringed(bare.content) == 0
    front = ParetoFront(frame_id=frame_id, points=[], chosen=None, n_expected=SQUARE)
    store.publish(frame_id, [front])
    etag = {"If-None-Match": bare.headers["etag"]}
    known = http.get(f"/v1/frames/{frame_id}/spectrum.png", headers=etag)
    assert known.status_code == 200  # the tag is another one
    assert ringed(known.content) > 20 * len(reflections(SQUARE, reach_of(SQUARE)))
    again = http.get(f"/v1/frames/{frame_id}/spectrum.png", headers={"If-None-Match": known.headers["etag"]})
    assert again.status_code == 304


def test_a_frame_links_to_its_spectrum(http: httpx.Client, store: Store):
    frame_id = put_worked(store, 0)
    link = http.get(f"/v1/frames/{frame_id}").json()["links"]["spectrum"]
    assert http.get(link).status_code == 200
    assert http.get("/v1/frames/nothing/spectrum.png").status_code == 404
