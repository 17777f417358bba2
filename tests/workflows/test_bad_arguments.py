"""What cannot be meant, given to the Python functions: an error of our own tree with a hint."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import paretoscope as ps
from paretoscope.contract import StreamPolicy
from paretoscope.contract.reward_names import check_rewards, reward_names
from paretoscope.core import rewards
from paretoscope.errors import BadParameters, ParetoscopeError

Y, X = np.mgrid[0:96, 0:96]
IMAGE = np.exp(1.5 * (np.cos(2 * np.pi * Y / 12) + np.cos(2 * np.pi * X / 12) - 2))
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a pixel size of nought": ({"pixel_size_nm": 0}, "bad-pixel-size"),
    "a negative pixel size": ({"pixel_size_nm": (0.02, -0.02)}, "bad-pixel-size"),
    "a pixel size that is no number": ({"pixel_size_nm": float("nan")}, "bad-pixel-size"),
    "a pixel size without end": ({"pixel_size_nm": float("inf")}, "bad-pixel-size"),
    "a pixel size in three directions": ({"pixel_size_nm": (0.02, 0.02, 0.02)}, "bad-pixel-size"),
    "a pixel size as text": ({"pixel_size_nm": "0.02 nm"}, "bad-pixel-size"),
    "a pixel size in metres": ({"pixel_size_nm": 2e-11, "lattice": "SrTiO3"}, "off-scale"),
    "a pixel size in picometres": ({"pixel_size_nm": 20.0, "lattice": "SrTiO3"}, "off-scale"),
    "a lattice without a pixel size": ({"lattice": "SrTiO3"}, "missing-pixel-size"),
    "a lattice nobody knows": ({"lattice": "unobtainium", "pixel_size_nm": 0.02}, "unknown-lattice"),
    "a lattice that is a number": ({"lattice": 5, "pixel_size_nm": 0.02}, "bad-lattice"),
    "no time": ({"budget_s": 0.0}, "bad-budget"),
    "a negative seed": ({"seed": -1}, "bad-seed"),
    "a seed beyond 32 bits": ({"seed": 2**32}, "bad-seed"),
    "a device that is none": ({"device": "abacus"}, "no-such-device"),
    "a device that is not here": ({"device": "cuda:99"}, "no-such-device"),
    "a reward nobody registered": ({"policy": StreamPolicy(rewards=["qc", "beauty"])}, "unknown-reward"),
}


@pytest.mark.parametrize("name", BAD)
def test_an_argument_that_cannot_be_meant_is_refused_with_a_hint(name: str) -> None:
    arguments, code = BAD[name]
    with pytest.raises(ParetoscopeError) as told:
        ps.analyze(IMAGE, **({"budget_s": 0.3} | arguments))
    assert told.value.code == code
    assert len(told.value.hint) > 20


def test_a_pixel_size_may_be_a_numpy_number_or_an_array() -> None:
    for given in (np.float32(0.033), np.array([0.033, 0.033]), [0.033, 0.033]):
        found = ps.analyze(IMAGE, given, budget_s=0.3)  # type: ignore[arg-type]
        np.testing.assert_allclose(found.atoms["y_nm"], found.atoms["y_px"] * 0.033, rtol=1e-5)


def test_blobs_larger_than_the_image_are_refused_before_memory_is_asked_for() -> None:
    params = ps.LogParams(sigma_min=1.0, sigma_max=1e6, threshold=0.05, overlap=0.3)
    with pytest.raises(BadParameters, match="sigma-too-large"):
        ps.detect(IMAGE, params)


def test_an_installed_package_brings_a_reward_by_entry_point(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "narrowness.py").write_text(
        "from paretoscope.core.rewards import reward\n"
        "@reward('narrow')\n"
        "def narrow(blobs, expectation):\n"
        "    return float(blobs.sigma_px.mean() / expectation.neighbour_px)\n"
    )
    described = tmp_path / "narrowness-1.0.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: narrowness\nVersion: 1.0\n")
    (described / "entry_points.txt").write_text("[paretoscope.rewards]\nnarrow = narrowness\n")
    monkeypatch.setattr(rewards, "_REGISTRY", dict(rewards._REGISTRY))
    with pytest.raises(BadParameters, match="narrow"):
        check_rewards(["qc", "narrow"])
    monkeypatch.syspath_prepend(tmp_path)
    assert "narrow" in reward_names()
    check_rewards(["qc", "narrow"])
    found = ps.analyze(IMAGE, budget_s=0.5, policy=StreamPolicy(rewards=["qc", "er", "narrow"]))
    assert import_module("narrowness").narrow is rewards._REGISTRY["narrow"]
    assert found.chosen is not None
    value = found.chosen.rewards["narrow"].value
    assert value is not None
    assert 0.0 < value < 1.0
