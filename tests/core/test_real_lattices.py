"""Real images against the lattice constants of their crystals: areas, for scans shear and stretch lengths."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from paretoscope.adapters.files import read_image
from paretoscope.core.expected import expect
from paretoscope.core.intensity import to_unit
from paretoscope.core.lattice import Lattice
from paretoscope.core.spectrum import estimate_cell

KNOWN = {
    # file: (lattice, nm per px, tolerance of the area per column: twice that of the scale)
    "real/SciLink_MoS2_stem_Exp-000-2.npy": ("MoS2", 0.01758, 0.03),
    "real/SciLink_MoS2_stem_Exp-001-5.npy": ("MoS2", 0.01367, 0.18),
    "real/openNCEM_16_STOimage_1.ser": ("SrTiO3", 0.0100, 0.08),
    "real/AtomSegNet_10_dso_8nm_none_none.png": ("DyScO3", 0.0080, 0.02),
    "real/NREL_Ti3C2_MXene_1136_HAADF_reg.tif": ("Ti3C2", 0.0079, 0.03),
    "real/SciLink_YBCO_tem.tif": ("YBCO", 0.03516, 0.08),
}


def unit_image(shared: Path, name: str) -> np.ndarray:
    return to_unit(read_image(shared / "data" / name).image)


@pytest.mark.parametrize("name", KNOWN)
def test_the_estimated_density_is_that_of_the_crystal(shared: Path, name: str):
    lattice, pixel_nm, tolerance = KNOWN[name]
    cell = estimate_cell(unit_image(shared, name))
    assert cell is not None
    area_per_column = pixel_nm**2 / cell.density_per_px
    assert area_per_column == pytest.approx(1.0 / Lattice.named(lattice).density_per_nm2, rel=tolerance)
    assert cell.coherence > 0.95


@pytest.mark.parametrize("name", KNOWN)
def test_the_named_lattice_is_recognised_and_covers_the_frame(shared: Path, name: str):
    lattice, pixel_nm, tolerance = KNOWN[name]
    image = unit_image(shared, name)
    expected = expect(image, pixel_nm, lattice)
    assert expected.source == "lattice-occupied-area"
    assert "does not show" not in (expected.note or "")
    whole = Lattice.named(lattice).density_per_nm2 * pixel_nm**2 * image.size
    assert expected.n_expected == pytest.approx(whole, rel=tolerance + 0.03)


def test_both_sides_of_a_real_grain_boundary_are_lattice(shared: Path):
    expected = expect(unit_image(shared, "real/AtomSegNet_Grain_boundry_gold_512px.png"))
    assert (expected.mask == 1).mean() > 0.85
    # d(111) = 0.2355 nm, d(200) = 0.2039 nm and a column per 0.0588 nm^2 fix the scale.
    assert 1.0 / expected.density_per_px == pytest.approx(358.0, rel=0.03)


@pytest.mark.parametrize(
    "name", ["labelled/HPAI_053_HAADF_15nm_Sample_PtNC_21Oct20.tif", "labelled/Sjeon1_bpy_crop20.tif"]
)
def test_scattered_single_atoms_are_no_lattice(shared: Path, name: str):
    image = unit_image(shared, name)
    assert estimate_cell(image) is None
    expected = expect(image)
    assert expected.source == "density"
    assert expected.note is not None
    assert "guess" in expected.note


def test_a_graphene_image_made_by_others_has_their_count(shared: Path):
    stored = np.load(shared / "data/simulated/nsr_test_data_1.npz")
    image = to_unit(stored["image"])
    x, y = stored["positions"].T
    inside = int(((x > -0.5) & (x < 511.5) & (y > -0.5) & (y < 511.5)).sum())
    for lattice in (None, "graphene"):
        expected = expect(image, float(stored["sampling"]) / 10.0, lattice)
        covered = (expected.mask == 1).mean()
        assert expected.n_expected == pytest.approx(inside * covered, rel=0.1)
